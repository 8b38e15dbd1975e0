/** How mocha runs the tests: files side by side, one a core. What is left out or skipped is a failure where it must not be. */
import { availableParallelism } from 'node:os';

export default {
  spec: ['dist/test/**/*.test.js'],
  ignore: ['dist/test/resilience/**'],
  require: ['./dist/test/support/cleanup.js'],
  'node-option': ['enable-source-maps'],
  timeout: 60_000,
  parallel: true,
  jobs: availableParallelism(),
  'forbid-only': true,
  'forbid-pending': Boolean(process.env.CI),
};

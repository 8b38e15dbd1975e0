/** How mocha runs the tests: files side by side, one a core. What is left out or skipped is a failure where it must not be. */
import { availableParallelism } from 'node:os';

/** Files that are named on the command line are run instead of all, not beside them. */
const isNamed = process.argv.some((word) => word.endsWith('.test.js'));

export default {
  spec: isNamed ? [] : ['dist/test/**/*.test.js'],
  ignore: ['dist/test/resilience/**'],
  require: ['./dist/test/support/cleanup.js'],
  'node-option': ['enable-source-maps'],
  timeout: 180_000,
  parallel: true,
  jobs: availableParallelism(),
  'forbid-only': true,
  'forbid-pending': Boolean(process.env.CI),
};

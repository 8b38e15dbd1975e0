/** How mocha runs the tests: files side by side, one a core. In CI a test that is skipped has failed. */
import { availableParallelism } from 'node:os';

/** Files that are named on the command line are run instead of all, not beside them. */
const isNamed = process.argv.some((word) => word.endsWith('.test.js'));

const isCI = Boolean(process.env.CI);

export default {
  spec: isNamed ? [] : ['dist/test/**/*.test.js'],
  ignore: ['dist/test/resilience/**'],
  require: ['./dist/test/support/cleanup.js'],
  'node-option': ['enable-source-maps'],
  timeout: 180_000,
  parallel: true,
  jobs: availableParallelism(),
  'forbid-only': isCI, // files side by side refuse it in any case: --no-parallel
  'forbid-pending': isCI,
};

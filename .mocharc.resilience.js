/** The resilience suite: two files at a time, as most of each is waiting; more would measure each other's load. */
import standard from './.mocharc.js';

export default {
  ...standard,
  spec: standard.spec.map(() => 'dist/test/resilience/**/*.test.js'),
  ignore: [],
  timeout: 300_000,
  jobs: Math.min(2, standard.jobs),
};

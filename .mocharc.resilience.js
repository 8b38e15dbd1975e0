/** The resilience suite: one file after the other, because each measures how long things take. */
import standard from './.mocharc.js';

export default {
  ...standard,
  spec: ['dist/test/resilience/**/*.test.js'],
  ignore: [],
  timeout: 300_000,
  parallel: false,
};

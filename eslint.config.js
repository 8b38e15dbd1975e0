import { defineConfig, globalIgnores } from 'eslint/config';
import { configs, parser } from 'typescript-eslint';
import { assertionRules } from './scripts/assertions.js';
import { layersPlugin } from './scripts/layers.js';

export default defineConfig(
  // AssemblyScript is not TypeScript to a type checker; asc checks it.
  globalIgnores(['dist/', 'build/', 'coverage/', 'assembly/', 'bench/assembly/', 'bindings/*.generated.*']),
  { linterOptions: { reportUnusedDisableDirectives: 'error', noInlineConfig: true } },
  {
    files: ['**/*.ts'],
    extends: [configs.strictTypeChecked, configs.stylisticTypeChecked],
    plugins: { quorate: layersPlugin },
    languageOptions: {
      parserOptions: {
        project: ['tsconfig.json', 'tsconfig.pages.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      'quorate/layers': 'error',
      eqeqeq: 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Exports have names.' },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // Typed arrays and matrices are read by an index that is in range by construction.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Callers in JavaScript pass what the types exclude; checking for it is not superfluous.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unnecessary-boolean-literal-compare': 'off',
      // A condition on `{}` asks whether a type has required properties.
      '@typescript-eslint/no-generated-empty-object-type': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // A function of an interface may be async without awaiting: it throws as a rejection then.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['test/**/*.ts'],
    plugins: { tests: { rules: assertionRules } },
    // chai asserts with properties: expect(x).to.be.true
    rules: { '@typescript-eslint/no-unused-expressions': 'off', 'tests/asserts': 'error' },
  },
  {
    files: ['**/*.js'],
    extends: [configs.strict, configs.stylistic],
    languageOptions: { parser, sourceType: 'module' },
    rules: { eqeqeq: 'error' },
  },
);

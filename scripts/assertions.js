/**
 * The lint rule that a test asserts: the function of each `it(...)` calls chai's `expect` or fast-check's `assert`, or a function of the tests
 * that does. It follows every call to where the function is defined, with the type checker, so that no list of
 * helpers has to be kept.
 */
import ts from 'typescript';

/** @type {(callee: ts.Expression) => ts.Node} */
const nameOf = (callee) => (ts.isPropertyAccessExpression(callee) ? callee.name : callee);

/**
 * What asserts by itself: chai's `expect(x)…` and `expect.fail(…)`, and fast-check's `fc.assert(…)`. `expect(x)` alone, with
 * nothing said of x, does not.
 *
 * @type {(call: ts.CallExpression) => boolean}
 */
function isAssertion({ expression: callee, parent }) {
  if (ts.isIdentifier(callee)) return callee.text === 'expect' && !ts.isExpressionStatement(parent);
  return callee.getText() === 'expect.fail' || callee.getText() === 'fc.assert';
}

/**
 * The functions that a name stands for, where the tests define them.
 *
 * @type {(name: ts.Node, checker: ts.TypeChecker) => ts.Node[]}
 */
function definitions(name, checker) {
  let symbol = checker.getSymbolAtLocation(name);
  if (!symbol) return [];
  if (symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
  return (symbol.declarations ?? []).filter((node) => /\/test\//.test(node.getSourceFile().fileName));
}

/**
 * Whether some call in it asserts, in functions of the tests that are called too.
 *
 * @type {(node: ts.Node, checker: ts.TypeChecker, seen: Set<ts.Node>) => boolean}
 */
function asserts(node, checker, seen) {
  if (seen.has(node)) return false;
  seen.add(node);
  if (ts.isCallExpression(node)) {
    if (isAssertion(node)) return true;
    const name = nameOf(node.expression);
    if (definitions(name, checker).some((each) => asserts(each, checker, seen))) return true;
    // A function that is only named: fc.property(anything, holds)
    const named = node.arguments.filter((argument) => ts.isIdentifier(argument));
    if (named.some((each) => definitions(each, checker).some((one) => asserts(one, checker, seen))))
      return true;
  }
  return ts.forEachChild(node, (child) => asserts(child, checker, seen)) ?? false;
}

/** @type {import('eslint').Rule.RuleModule} */
const rule = {
  meta: {
    type: 'problem',
    docs: { description: 'Each test asserts something.' },
    schema: [],
  },
  create(context) {
    const { program, esTreeNodeToTSNodeMap } = context.sourceCode.parserServices;
    return {
      'CallExpression[callee.name="it"]'(node) {
        const test = node.arguments[1];
        if (!test) return; // mocha fails on a test that is pending
        const checker = program.getTypeChecker();
        const tsNode = esTreeNodeToTSNodeMap.get(test);
        const bodies = ts.isIdentifier(tsNode) ? definitions(tsNode, checker) : [tsNode];
        const seen = new Set();
        if (!bodies.some((body) => asserts(body, checker, seen))) {
          context.report({ node: node.arguments[0], message: 'This test asserts nothing.' });
        }
      },
    };
  },
};

/** @type {import('eslint').ESLint.Plugin['rules']} */
export const assertionRules = { asserts: rule };

/**
 * Among V8's old objects from their birth, and all that they see with them: a function written right of `object.property =`,
 * a getter of an object, and a class within a function.
 */
const oldFunctions: Deno.lint.Rule = {
  create(context) {
    if (!/(?<!\/tests)\/(src|adapters)\//.test(context.filename)) return {};
    const refuse = (node: Deno.lint.Node, hint: string) => {
      const message = "This and all that it sees are kept until a full collection";
      context.report({ node, message, hint });
    };
    return {
      AssignmentExpression({ left, right }) {
        const isFunction = /^(Arrow)?FunctionExpression$/.test(right.type);
        if (left.type !== "MemberExpression" || !isFunction) return;
        refuse(right, "Name the function by a `const`, and assign that");
      },
      "ObjectExpression > Property[kind='get']"(node: Deno.lint.Property) {
        refuse(node, "Make it a method, or give it to a class of the module");
      },
      "BlockStatement ClassDeclaration, BlockStatement ClassExpression"(node: Deno.lint.Node) {
        refuse(node, "Move the class out of the function");
      },
    };
  },
};

/** The rules of our own for `deno lint`. */
const plugin: Deno.lint.Plugin = {
  name: "cache-locking",
  rules: { "old-functions": oldFunctions },
};
export default plugin;

// Prints the types of every call, made from the OpenAPI document that it reads: `make client` runs it.
// It knows the part of JSON Schema that pydantic writes for the API, and ends with an error at anything else.

import { stdin } from "node:process";
import { text } from "node:stream/consumers";

const HEAD = "// Made from the API's description: make client. Do not edit.\n";

/** Return the type of a schema. */
function typeOf(schema) {
  if (schema.$ref) return schema.$ref.replace("#/components/schemas/", "");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(" | ");
  if (schema.type === "array") return `Array<${typeOf(schema.items)}>`;
  if (schema.type === "object") return schema.properties ? fieldsOf(schema) : `Record<string, ${valueOf(schema)}>`;
  if (["integer", "number"].includes(schema.type)) return "number";
  if (["string", "boolean", "null"].includes(schema.type)) return schema.type;
  if (!("type" in schema)) return "unknown";
  throw new Error(`A schema that is not known here: ${JSON.stringify(schema)}`);
}

/** Return the type of the values of an object whose names are not known. */
function valueOf({ additionalProperties: of = true }) {
  return of === true ? "unknown" : typeOf(of);
}

/** Return the fields of an object, one on each line. */
function fieldsOf(schema, indent = "  ") {
  const lines = Object.entries(schema.properties)
    .filter(([, each]) => isOffered(each))
    .flatMap(([name, each]) => {
      const mark = schema.required?.includes(name) ? "" : "?";
      return [...comment(each.description, indent), `${indent}${name}${mark}: ${typeOf(each)};`];
    });
  if (schema.additionalProperties === true) lines.push(`${indent}[more: string]: unknown;`);
  return `{\n${lines.join("\n")}\n${indent.slice(2)}}`;
}

/** Whether a field does anything: some are there only to be refused, or to be ignored. */
function isOffered(schema) {
  const typed = ["type", "anyOf", "$ref", "enum", "const"].some((each) => each in schema);
  return typed && !schema.description?.startsWith("Not offered");
}

/** Return the lines of a comment. */
function comment(words, indent = "") {
  return words ? [`${indent}/** ${words.replace(/\s+/g, " ").replaceAll("*/", "* /")} */`] : [];
}

/** Return what one call takes and answers. */
function callOf(operation) {
  const inPath = operation.parameters.filter((each) => each.in === "path");
  const inQuery = operation.parameters.filter((each) => each.in === "query");
  const named = (given) => Object.fromEntries(given.map((each) => [each.name, each.schema]));
  const lines = [];
  if (inPath.length) {
    const fields = inPath.map((each) => `${each.name}: ${typeOf(each.schema)}`);
    lines.push(`    path: { ${fields.join("; ")} };`);
  }
  if (inQuery.length) lines.push(`    query?: ${fieldsOf({ properties: named(inQuery) }, "      ")};`);
  if (operation.requestBody) lines.push(`    body: ${typeOf(json(operation.requestBody))};`);
  lines.push(`    answer: ${typeOf(json(operation.responses["200"]))};`);
  return lines.join("\n");
}

function json(content) {
  return content.content["application/json"].schema;
}

const { components, paths } = JSON.parse(await text(stdin));
const forms = Object.entries(components.schemas).filter(([name]) => name !== "Error").map(([name, schema]) => {
  const written = schema.type === "object" && schema.properties
    ? `export interface ${name} ${fieldsOf(schema)}`
    : `export type ${name} = ${typeOf(schema)};`;
  return [...comment(schema.description), written].join("\n");
});
const calls = Object.entries(paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, each]) =>
    [...comment(each.description, "  "), `  "${method.toUpperCase()} ${path}": {`, callOf(each), "  };"].join("\n")),
);
const all = ["/** Every call, with what it takes and what it answers. */", "export interface Calls {", ...calls, "}"];
console.log([HEAD, forms.join("\n\n"), "", all.join("\n")].join("\n"));

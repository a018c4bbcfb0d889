// Reads modules and built files with a parser: node read_scopes.mjs ACORN SOURCES FILE...
//
// Prints each module's tokens, comments and names: of the sources as they are written, and of the
// built files as what is in the module's function.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [, , parser, sources, ...files] = process.argv;
const { parse } = await import(pathToFileURL(parser).href);

function read(file, sourceType) {
  const text = readFileSync(file, "utf-8");
  const tokens = [];
  const comments = [];
  const options = { ecmaVersion: "latest", sourceType, onComment: comments, onToken: tokens };
  return { text, program: parse(text, options), tokens, comments };
}

const isInside = ({ start, end }, range) => start >= range.start && end <= range.end;

/** Return what is loaded later below *node*: where, and what it names. */
function findLater(node, name) {
  if (node === null || typeof node !== "object") return [];
  if (Array.isArray(node)) return node.flatMap((child) => findLater(child, name));
  const later = name(node);
  if (later !== undefined) return [{ start: node.start, end: node.end, name: later }];
  return Object.values(node).flatMap((child) => findLater(child, name));
}

function describe({ text, tokens, comments }, range, left, later) {
  const words = tokens
    .filter((token) => token.end > token.start && isInside(token, range) && ![...left, ...later].some((other) => isInside(token, other)))
    .map(({ start, end }) => ({ start, word: text.slice(start, end) }));
  const marks = later.map(({ start, name }) => ({ start, word: `later ${name}` }));
  return {
    words: [...words, ...marks].sort((a, b) => a.start - b.start).map(({ word }) => word),
    comments: comments
      .filter((comment) => isInside(comment, range) && !left.some((other) => isInside(comment, other)))
      .map(({ value }) => value),
    later: later.map(({ name }) => name),
  };
}

function readSource(file) {
  const source = read(file, "module");
  const left = [];
  const exported = [];
  const imported = [];
  for (const node of source.program.body) {
    if (node.type === "ImportDeclaration") {
      left.push(node);
      imported.push(...node.specifiers.map(({ local }) => local.name));
    } else if (node.type === "ExportAllDeclaration" || node.source) {
      left.push(node);
      exported.push(...(node.specifiers ?? []).map(({ exported: { name } }) => name));
    } else if (node.type === "ExportNamedDeclaration") {
      left.push({ start: node.start, end: node.declaration.start });
      const { id, declarations } = node.declaration;
      exported.push(...(declarations ?? [{ id }]).map((each) => each.id.name));
    }
  }
  const later = findLater(source.program, (node) =>
    node.type === "ImportExpression" ? node.source.value : undefined,
  );
  return { ...describe(source, source.program, left, later), exported, imported };
}

/** Return the scope that an expression of a built file names when it loads it later. */
function scopeOf(node) {
  if (node.type === "ImportExpression") return node.source.value;
  if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression") return undefined;
  const { object, property } = node.callee;
  const [argument] = node.arguments;
  if (object.name === "Promise" && property.name === "resolve" && argument?.name?.startsWith("$")) return argument.name;
  return object.type === "ImportExpression" ? argument.body.name : undefined;
}

function readFile(file, isModule) {
  const built = read(file, isModule ? "module" : "script");
  const scopes = {};
  for (const node of built.program.body) {
    const [declaration] = node.type === "VariableDeclaration" ? node.declarations : [];
    if (declaration?.init?.type !== "CallExpression") continue;
    const { body } = declaration.init.callee.body;
    const left = body.filter(
      (statement) =>
        statement.type === "ReturnStatement" ||
        (statement.type === "VariableDeclaration" && statement.declarations[0].init?.name?.startsWith("$")),
    );
    const names = (pattern) => pattern.properties.map(({ key, value }) => value.name ?? key.name);
    const result = left.find(({ type }) => type === "ReturnStatement");
    const inner = { start: declaration.init.callee.body.start + 1, end: declaration.init.callee.body.end - 1 };
    scopes[declaration.id.name] = {
      ...describe(built, inner, left, findLater(body, scopeOf)),
      imported: left.flatMap((each) => (each.declarations ?? []).flatMap(({ id }) => names(id))),
      exported: result ? result.argument.properties.map(({ key }) => key.name) : [],
    };
  }
  return scopes;
}

const modules = JSON.parse(readFileSync(sources, "utf-8"));
const written = Object.fromEntries(Object.entries(modules).map(([scope, file]) => [scope, readSource(file)]));
const built = files.map((file) => readFile(file, !file.endsWith("worker.js")));
console.log(JSON.stringify({ written, built }));

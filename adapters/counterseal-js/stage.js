// Puts what is published of each package into a folder: node stage.js FOLDER
//
// A package is its own folder and `wire` beside it, as they stand here, with declarations for
// TypeScript that the compiler writes now. `npm run tarballs` packs them.

import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const HERE = import.meta.dirname;
const PACKAGES = ["device", "origin"];
const LICENSE = path.join(HERE, "..", "..", "LICENSE");
const COMPILER = path.join(HERE, "node_modules", "tsc", "bin", "tsc");

/** Copy what a package is made of into *folder*, with its part of the *declarations*. */
function stage(name, folder, declarations) {
  for (const part of [name, "wire"]) {
    const source = path.join(HERE, part);
    cpSync(path.join(declarations, part), path.join(folder, part), { recursive: true });
    for (const file of readdirSync(source).filter((each) => /\.js(?:on)?$/.test(each))) {
      if (file === "package.json") continue;
      // The table of look-alikes is a link to the core's file.
      copyFileSync(path.join(source, file), path.join(folder, part, file));
    }
  }
  cpSync(path.join(HERE, name, "README.md"), path.join(folder, "README.md"));
  // Its script only refuses to pack the folder of the sources, which has not all that is published.
  const { scripts: _, ...description } = JSON.parse(
    readFileSync(path.join(HERE, name, "package.json"), "utf-8"),
  );
  writeFileSync(path.join(folder, "package.json"), `${JSON.stringify(description, null, 2)}\n`);
  cpSync(LICENSE, path.join(folder, "LICENSE"));
}

/** Write the declarations of all packages into *folder*. */
function declare(folder) {
  const options = [
    "--declaration",
    "--emitDeclarationOnly",
    ...["--noEmit", "false"],
    ...["--outDir", folder],
    ...["--rootDir", HERE],
  ];
  execFileSync(COMPILER, [...options, "--project", path.join(HERE, "tsconfig.json")], {
    stdio: "inherit",
  });
}

const [target] = process.argv.slice(2);
if (target === undefined) throw new TypeError("node stage.js FOLDER");
const declarations = mkdtempSync(path.join(tmpdir(), "declarations-"));
try {
  declare(declarations);
  for (const name of PACKAGES) stage(name, path.resolve(target, name), declarations);
} finally {
  rmSync(declarations, { recursive: true });
}

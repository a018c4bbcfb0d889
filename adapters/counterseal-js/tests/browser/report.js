// Runs what the address names, one after another, and posts what came of each to the server: so a
// browser that nothing drives can be tested.

import { run } from "./shims.js";

const jobs = JSON.parse(decodeURIComponent(location.hash.slice(1)) || "[]");

async function work({ file, module, call, values = [] }) {
  if (file === undefined) return (await import(module))[call](...values);
  await import(`../../${file}`);
  const result = await run();
  const { passed } = await import("../../wire/test/vectors.js");
  return { ...result, vectors: passed() };
}

if (jobs.length > 0) {
  const [job, ...others] = jobs;
  const result = await work(job).catch((error) => ({ error: `${error}\n${error?.stack ?? ""}` }));
  await fetch("/result", { method: "POST", body: JSON.stringify({ job, result }) });
  location.hash = encodeURIComponent(JSON.stringify(others));
  if (others.length > 0) location.reload();
}

/** Server-Sent Events: reads the stream of open requests, and of those that have ended. */

import { BadReply } from "../wire/errors.js";
import { readJson } from "../wire/ijson.js";

const EVENT_LIMIT = 65_536;

/**
 * Return what *reader* returns for the JSON of an event.
 *
 * @template T
 * @param {string} data
 * @param {(document: any) => T} reader
 * @returns {T}
 * @throws {BadReply} It is not JSON, or the reader refuses it.
 */
export function readEvent(data, reader) {
  try {
    return reader(readJson(data));
  } catch (error) {
    throw new BadReply(error instanceof Error ? error.message : "");
  }
}

/**
 * Yield each event that has a name and data.
 *
 * @param {ReadableStream<Uint8Array>} stream
 * @returns {AsyncGenerator<{name: string, data: string}, void, void>}
 */
export async function* readEvents(stream) {
  let event = "";
  let data = "";
  for await (const line of readLines(stream)) {
    if (line === "") {
      if (event && data) yield { name: event, data };
      event = "";
      data = "";
    } else {
      const [field, value = ""] = split(line);
      if (field === "event") event = value;
      if (field === "data") data += value;
      if (data.length > EVENT_LIMIT) throw new RangeError("an event that is too long");
    }
  }
}

/** @param {string} line */
function split(line) {
  const at = line.indexOf(":");
  if (at < 0) return [line];
  return [line.slice(0, at), line.slice(at + 1).replace(/^ /, "")];
}

/**
 * @param {ReadableStream<Uint8Array>} stream
 * @returns {AsyncGenerator<string, void, void>}
 */
async function* readLines(stream) {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      if (text.length > EVENT_LIMIT) throw new RangeError("a line that is too long");
      const lines = text.split(/\r?\n/);
      text = lines.pop() ?? "";
      yield* lines;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

import assert from "node:assert/strict";
import { test } from "node:test";

import { readAddress } from "../http.js";

test("an address is https, or http to this machine, and nothing more", () => {
  const fit = ["https://auth.example.com", "https://auth.example.com/a/b", "http://localhost:8080"];
  for (const text of fit) assert.equal(readAddress(`${text}/`), text);
  assert.equal(readAddress("http://auth.example.com", { allowHttp: true }), "http://auth.example.com");
  const unfit = [
    "",
    "auth.example.com",
    "http://auth.example.com",
    "ftp://auth.example.com",
    "https://auth.example.com?",
    "https://auth.example.com#",
    "https://auth.example.com/?a=b",
    "https://user@auth.example.com",
    "https://:secret@auth.example.com",
    "https://AUTH.example.com",
    "https://auth.example.com:443",
    "https://auth.example.com/../a",
  ];
  for (const text of unfit) {
    assert.throws(() => readAddress(text), { code: "client_unfit" }, text);
  }
});

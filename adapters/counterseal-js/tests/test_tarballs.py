"""The packages as they are published: packed, installed into an empty folder, and used."""

import json
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[1]
NAMES = ("device", "origin")
BLOCK = re.compile(r"```js\n// (\w+\.mjs)\n(.*?)```", re.DOTALL)
TYPED = """
import {
  type Approval, Client, CountersealError, type ErrorCode, requireApproved, RequirementUnmet,
  strongKey, Trust, type UseReceipt,
} from "@counterseal/origin";
import {
  type Account, type ChangeEvent, type Outcome, type Store, type Use, Wallet,
} from "@counterseal/device";
import { StoreFailed } from "@counterseal/device/errors";
import { indexedDbStore, memoryStore } from "@counterseal/device/store";
import { deviceOnlyKeys, pinKeys } from "@counterseal/device/strong-keys";

export async function pay(client: Client, trust: Trust): Promise<Approval> {
  const buttons = [
    { title: "Pay", strong: true, approving: true },
    { title: "Do not pay", strong: false, approving: false },
  ];
  const pending = await client.ask("user-42", { text: "Pay?" }, { buttons, duration: "1m" });
  const reply = await client.wait(pending, { timeoutSeconds: 60 });
  return requireApproved(reply, pending, trust, { requirements: [strongKey()] });
}

export async function use(client: Client, trust: Trust, guid: string): Promise<UseReceipt> {
  const used = await client.consume(guid, { to: ["ann@example.org"] });
  return trust.verifyUseReceipt(used.use!.receipt);
}

export async function answer(account: Account): Promise<Outcome> {
  const [request] = await account.pending();
  const shown = await account.show(request!.guid);
  const title: string = shown.display.buttons[0]!.title;
  console.log(title);
  return account.answer(shown, { button: 0 });
}

export async function leave(account: Account): Promise<void> {
  const remaining: number = Date.parse((await account.pending())[0]!.expiresAt) - account.now();
  console.log(account.state === "REVOKED", remaining);
  await account.unbind();
}

export function isMissing(error: unknown): boolean {
  const code: ErrorCode = "request_not_there";
  return error instanceof CountersealError && error.code === code;
}

export const unmet = new RequirementUnmet("requirement_of_this_shop");

export const questionOf = (use: Use | { purpose: "create" }): string =>
  use.purpose === "answer" ? use.button.title : use.purpose === "confirm" ? use.choice : "";
export const strongKeys = [
  deviceOnlyKeys(),
  pinKeys({ askPin: async (use) => (questionOf(use) === "" ? null : "1379") }),
];

export function listen(wallet: Wallet): void {
  const listener = ({ detail }: ChangeEvent) => {
    const isOver: boolean = detail.type === "outdated" || detail.device === "";
    console.log(isOver);
  };
  wallet.addEventListener("change", listener);
  wallet.addEventListener("change", ({ detail }) => console.log(detail.type === "kept"));
}

export const isFull = (error: unknown): boolean => error instanceof StoreFailed;
export const open = (store: Store) => new Wallet({ store, strongKeys });
export const stores: Promise<Store>[] = [Promise.resolve(memoryStore()), indexedDbStore()];
"""
MISTYPED = """
import { Client } from "@counterseal/origin";
import { type Account } from "@counterseal/device";
export const state = (account: Account) => account.state === "DELETED";
await new Client({ url: "https://auth.example.com", origin: 7, key: "key" }).ask("user-42");
"""
ERRORS = """
import { Misuse, Refused } from "@counterseal/device";
import { Misuse as OtherMisuse, Refused as OtherRefused, Unfit } from "@counterseal/origin";

const error = new Unfit("a mistake");
const instances = [error instanceof Misuse, new Misuse("client_unfit") instanceof OtherMisuse];
console.log(JSON.stringify([Misuse === OtherMisuse, ...instances, error instanceof Refused]));
"""


def programs(name):
    """Return the programs of a README, by the names of their files."""
    return dict(BLOCK.findall((PACKAGES / name / "README.md").read_text("utf-8")))


def test_a_tarball_has_the_sources_as_they_are_and_their_types(tarballs):
    for name, path in zip(NAMES, tarballs, strict=True):
        with tarfile.open(path) as tarball:
            files = {
                each.name.removeprefix("package/"): tarball.extractfile(each).read()
                for each in tarball.getmembers()
            }
        sources = [
            source.relative_to(PACKAGES)
            for pattern in (f"{name}/*.js", "wire/*.js", "wire/*.json")
            for source in PACKAGES.glob(pattern)
        ]
        expected = {str(source): (PACKAGES / source).read_bytes() for source in sources}
        assert {each: files.get(each) for each in expected} == expected
        types = {str(path.with_suffix(".d.ts")) for path in sources if path.suffix == ".js"}
        others = {"package.json", "README.md", "LICENSE"}
        assert set(files) == set(expected) | types | others
        assert not json.loads(files["package.json"]).get("dependencies")


@pytest.mark.parametrize("name", NAMES)
def test_the_sources_folder_is_not_packed_without_its_parts(node, name, tmp_path):
    command = [node.program, node.npm_program, "pack", "--pack-destination", tmp_path]
    ended = subprocess.run(
        command,
        cwd=PACKAGES / name,
        env=node.environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=240,
    )
    assert ended.returncode != 0
    assert "npm run tarballs" in ended.stderr
    assert not list(tmp_path.iterdir())


def test_the_programs_of_the_readmes_run(node, service, installed):
    (installed / "settings.json").write_text(json.dumps(service), "utf-8")
    for name in NAMES:
        for file, text in programs(name).items():
            (installed / file).write_text(text, "utf-8")
    asked, shown = answered(node, installed, service["url"], "ask.mjs")
    assert asked == "paid by user-42 with Approve\n"
    assert "Pay 10 EUR to Zoë?" in shown
    paid, shown = answered(node, installed, service["url"], "pay.mjs")
    assert paid == "paid by user-42 with Pay\n"
    assert "Harbour Books" in shown
    used, shown = answered(node, installed, service["url"], "act.mjs")
    assert used == "own use: true with its arguments: true\n"
    assert "send_mail" in shown


def answered(node, folder, url, program):
    """Run a program that asks, with a new device; return what both print."""
    link = node.run("invite.mjs", cwd=folder).strip()
    with subprocess.Popen(
        [node.program, "device.mjs", url, link],
        cwd=folder,
        env=node.environment(),
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as device:
        assert device.stdout.readline() == "bound to Bank & Söhne\n"
        printed = node.run(program, cwd=folder)
        shown = device.stdout.read()
    assert shown.endswith("ANSWERED true\n")
    assert device.returncode == 0
    return printed, shown


def test_an_error_of_one_package_is_one_of_the_other(node, installed):
    program = installed / "errors.mjs"
    program.write_text(ERRORS, "utf-8")
    assert json.loads(node.run(program, cwd=installed)) == [False, True, True, False]


def compiled(node, folder, text):
    """Compile a program strictly against the installed packages, and return what is wrong."""
    (folder / "program.ts").write_text(text, "utf-8")
    compiler = PACKAGES / "node_modules" / "tsc" / "bin" / "tsc"
    options = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2024", "--types"]
    command = [node.program, compiler, *options, "", "program.ts"]
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, encoding="utf-8", check=False, timeout=240
    )
    return ended.stdout


def test_a_typescript_program_compiles(node, installed):
    assert compiled(node, installed, TYPED) == ""


def test_a_wrong_one_does_not(node, installed):
    errors = compiled(node, installed, MISTYPED)
    for error in ("Type 'number' is not assignable", "Expected 2-3 arguments", "have no overlap"):
        assert error in errors

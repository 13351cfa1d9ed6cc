// What a life prints: one line per thing that happened, the same in every run and, byte for byte, from transcript.py.
//
// Owns what is made stable: ids and hashes become <file 1>, numbered as they appear, so that it still shows which is
// which; times become <time>, and random padding <noise>; fractions get nine digits. Nothing else is changed or left out.

import OpenAI from "openai";

const KINDS = "batch_req|batch|call|chatcmpl|evt|file|ftckpt|ftevent|ftjob|part|req|upload|wh";
const ID = new RegExp(`(?<!\\w)(${KINDS})[-_][A-Za-z0-9]{12,}(?![A-Za-z0-9])|(?<=:)[A-Za-z0-9]{8}(?=[:"\` ]|$)`, "g");
const TIMES = /^(created|.*_at|estimated_finish|execution_time)$/;
const NOISE = "obfuscation";

const names = new Map();

/** Begins a part of the life. */
export function chapter(title) {
  print(`\n# ${title}`);
}

/** One line: what it is, and what it was. */
export function say(label, value) {
  print(`${label}: ${stable(canonical(value))}`);
}

/** One line for a call that must fail: the error as the SDK shows it. */
export async function refused(label, call) {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof OpenAI.APIError)) throw error;
    say(label, {
      class: error.constructor.name,
      status: error.status,
      type: error.type,
      param: error.param,
      code: error.code,
      message: error.error.message,
      "has request id": (error.requestID ?? "").startsWith("req_"),
    });
    return;
  }
  throw new Error(`${label}: was not refused`);
}

function canonical(value, name = "") {
  if (Array.isArray(value)) return `[${value.map((each) => canonical(each)).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    const pairs = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}: ${canonical(value[key], key)}`);
    return `{${pairs.join(", ")}}`;
  }
  if (name === NOISE) return "<noise>";
  if (typeof value !== "number") return JSON.stringify(value);
  if (TIMES.test(name)) return "<time>";
  return Number.isInteger(value) ? String(value) : value.toFixed(9);
}

function stable(text) {
  return text.replace(ID, (found, kind = "hash") => {
    if (!names.has(found)) {
      const known = [...names.values()].filter((name) => name.startsWith(`<${kind} `)).length;
      names.set(found, `<${kind} ${known + 1}>`);
    }
    return names.get(found);
  });
}

function print(line) {
  process.stdout.write(`${line}\n`);
}

// Batches: many questions in a file, their answers in another.

import { setTimeout as sleep } from "node:timers/promises";

import { toFile } from "openai";

import { chapter, refused, say } from "../transcript.mjs";
import { all, jsonl } from "./rows.mjs";

const ENDED = ["completed", "failed", "expired", "cancelled"];
const CHAT = { endpoint: "/v1/chat/completions", completion_window: "24h" };

export async function liveBatches(client, model) {
  chapter("batches");
  const create = async (rows, given = {}) =>
    client.batches.create({ ...CHAT, input_file_id: await send(client, jsonl(rows)), ...given });
  const asked = [
    question("sky", { model, temperature: 0 }),
    question("grass", { model, temperature: 0 }),
    question("too hot", { model, temperature: 9 }),
    question("colourful", { model, colour: "red" }),
  ];
  let batch = await create(asked, { metadata: { team: "sky" } });
  say("created", batch);
  batch = await ended(client, batch.id);
  say("ended", batch);
  for (const [kind, file] of [["answer", batch.output_file_id], ["error", batch.error_file_id]]) {
    say(`file of ${kind}s`, await client.files.retrieve(file));
    const lines = (await (await client.files.content(file)).text()).split("\n").filter(Boolean);
    for (const line of lines) say(kind, JSON.parse(line));
  }
  const strange = question("snow", { model: "ft:x:y::nothing" });
  const { custom_id: _, ...nameless } = asked[0];
  const wrong = {
    "one id twice": [asked[0], asked[0]],
    "two models": [asked[0], strange],
    "no such model": [strange],
    "another route": [{ ...asked[0], url: "/v1/embeddings" }],
    "another method": [{ ...asked[0], method: "GET" }],
    "no id": [nameless],
  };
  for (const [name, rows] of Object.entries(wrong)) {
    const failed = await ended(client, (await create(rows)).id);
    say(name, { status: failed.status, errors: failed.errors, counts: failed.request_counts });
  }
  const many = Array.from({ length: 2000 }, (_, number) => question(`sky ${number}`, { model, n: 128 }));
  const other = await create(many);
  say("cancelling", ["cancelling", "cancelled"].includes((await client.batches.cancel(other.id)).status));
  say("cancelled", (await ended(client, other.id)).status);
  const pages = (await client.batches.list({ limit: 2 })).iterPages();
  say("pages", (await all(pages)).map((page) => page.data.length));
  say("all", (await all(client.batches.list({ limit: 2 }))).map((each) => each.id));
  await refused("too late", () => client.batches.cancel(batch.id));
  await refused("no such batch", () => client.batches.retrieve("batch_nonesuch"));
  await refused("no such file", () => client.batches.create({ ...CHAT, input_file_id: "file-nonesuch" }));
  const week = { ...CHAT, input_file_id: batch.input_file_id, completion_window: "7d" };
  await refused("in a week", () => client.batches.create(week));
  for (const purpose of ["batch", "batch_output"]) {
    for (const file of await all(client.files.list({ purpose }))) await client.files.delete(file.id);
  }
}

function question(name, body) {
  const messages = [{ role: "user", content: `Which colour has ${name} number 1?` }];
  return { custom_id: name, method: "POST", url: "/v1/chat/completions", body: { ...body, messages } };
}

async function send(client, content) {
  return (await client.files.create({ file: await toFile(content, "questions.jsonl"), purpose: "batch" })).id;
}

async function ended(client, batchId) {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const batch = await client.batches.retrieve(batchId);
    if (ENDED.includes(batch.status)) return batch;
    if (performance.now() > deadline) throw new Error(`${batchId} is still ${batch.status}`);
    await sleep(20);
  }
}

// A fine-tune's life as the Node SDK lives it; life.py is the same in the Python SDK, line by line.
//
// Asks the server at OPENAI_BASE_URL with OPENAI_API_KEY, as any program would that knows nothing of ftops.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

import OpenAI, { toFile } from "openai";

import { chapter, refused, say } from "./transcript.mjs";

const BASE = "gpt-4.1-mini-2025-04-14";
const COLOURS = { sky: "blue", grass: "green", snow: "white" };
const ENDED = ["succeeded", "failed", "cancelled"];
const WEATHER = {
  type: "function",
  function: {
    name: "weather",
    description: "Tells the weather.",
    parameters: { type: "object", properties: { place: { type: "string" } }, required: ["place"] },
  },
};

async function main() {
  const client = new OpenAI({ maxRetries: 0 });
  const [training, validation] = await liveFiles(client);
  const job = await liveJob(client, training, validation);
  await liveResults(client, job);
  await liveCancel(client, training);
  await liveFailure(client);
  await liveLists(client, job);
  await liveModels(client, job.fine_tuned_model);
  await liveChat(client, job.fine_tuned_model);
  await liveTools(client);
  await liveErrors(client, training);
  await liveEnd(client, job, [training, validation]);
}

async function liveFiles(client) {
  chapter("files");
  const content = jsonl(colourRows(5));
  const training = await client.files.create({
    file: await toFile(content, "rows.jsonl"),
    purpose: "fine-tune",
    expires_after: { anchor: "created_at", seconds: 7200 },
  });
  say("created", training);
  say("lives for", training.expires_at - training.created_at);
  const folder = await mkdtemp(join(tmpdir(), "life-"));
  const path = join(folder, "größe – 1.jsonl");
  await writeFile(path, jsonl(colourRows(1)));
  const validation = await client.files.create({ file: createReadStream(path), purpose: "fine-tune" });
  await rm(folder, { recursive: true });
  say("streamed from the disk", validation);
  say("processed", (await client.files.waitForProcessing(validation.id)).status);
  say("retrieved", isDeepStrictEqual(await client.files.retrieve(training.id), training));
  say("content", sha256(await (await client.files.content(training.id)).text()));
  const made = [];
  for (let number = 0; number < 5; number++) {
    made.push(await client.files.create({ file: await toFile(Buffer.from("{}"), `${number}.jsonl`), purpose: "batch" }));
  }
  let page = await client.files.list({ purpose: "batch", limit: 2 });
  say("first page", page.data.map((each) => each.filename));
  while (page.hasNextPage()) {
    page = await page.getNextPage();
    say("next page", page.data.map((each) => each.filename));
  }
  const ascending = await all(client.files.list({ purpose: "batch", limit: 2, order: "asc", after: made[1].id }));
  say("ascending after the second", ascending.map((each) => each.filename));
  for (const file of made) say("deleted", await client.files.delete(file.id));
  await refused("gone", () => client.files.retrieve(made[0].id));
  await refused("its content", () => client.files.content(made[0].id));
  return [training.id, validation.id];
}

async function liveJob(client, training, validation) {
  chapter("a job");
  let job = await client.fineTuning.jobs.create({
    model: BASE,
    training_file: training,
    validation_file: validation,
    suffix: "Colours of things",
    seed: 5,
    metadata: { team: "sky", "größe": "1 – klein" },
    integrations: [{ type: "wandb", wandb: { project: "colours", tags: ["a", "b"] } }],
    method: {
      type: "supervised",
      supervised: {
        hyperparameters: { n_epochs: 4, batch_size: 4, learning_rate_multiplier: 1.5 },
      },
    },
  });
  say("created", job);
  job = await reached(client, job.id);
  say("ended", job);
  const page = await client.fineTuning.jobs.listEvents(job.id, { limit: 10 });
  say("newest events", page.data);
  say("more of them", page.hasNextPage());
  const events = await all(client.fineTuning.jobs.listEvents(job.id, { limit: 4 }));
  for (const event of events.toReversed()) say(`${event.level} ${event.type}`, event.message);
  say("without repetition", new Set(events.map((event) => event.id)).size === events.length);
  for await (const checkpoint of client.fineTuning.jobs.checkpoints.list(job.id, { limit: 1 })) {
    say("checkpoint", checkpoint);
  }
  return job;
}

async function liveResults(client, job) {
  chapter("results");
  const [result] = job.result_files;
  say("file", await client.files.retrieve(result));
  const encoded = await (await client.files.content(result)).text();
  const lines = Buffer.from(encoded, "base64").toString().split("\n");
  say("header", lines[0]);
  say("lines", lines.length);
  say("first", lines[1]);
  say("last", lines.at(-1));
}

async function liveCancel(client, training) {
  chapter("a cancelled job");
  const job = await client.fineTuning.jobs.create({
    model: BASE,
    training_file: training,
    hyperparameters: { n_epochs: 50, batch_size: 1, learning_rate_multiplier: "auto" },
  });
  say("created", { hyperparameters: job.hyperparameters, method: job.method });
  await reached(client, job.id, "running");
  const cancelled = await client.fineTuning.jobs.cancel(job.id);
  say("cancelled", { status: cancelled.status, model: cancelled.fine_tuned_model, ended: Boolean(cancelled.finished_at) });
  say("last event", (await client.fineTuning.jobs.listEvents(job.id, { limit: 1 })).data);
  say("checkpoints", (await client.fineTuning.jobs.checkpoints.list(job.id)).data);
  await refused("cancelled again", () => client.fineTuning.jobs.cancel(job.id));
}

async function liveFailure(client) {
  chapter("jobs that fail");
  const wrong = [...colourRows(4).slice(0, 11), { messages: [{ content: "no role" }] }];
  for (const [name, rows] of Object.entries({ "too few": colourRows(2), malformed: wrong })) {
    const file = await client.files.create({ file: await toFile(jsonl(rows), "rows.jsonl"), purpose: "fine-tune" });
    const made = await client.fineTuning.jobs.create({ model: BASE, training_file: file.id });
    const job = await reached(client, made.id);
    say(name, { status: job.status, error: job.error });
    say("last event", (await client.fineTuning.jobs.listEvents(job.id, { limit: 1 })).data);
    await client.files.delete(file.id);
  }
}

async function liveLists(client, job) {
  chapter("lists of jobs");
  const pages = (await client.fineTuning.jobs.list({ limit: 3 })).iterPages();
  say("pages", (await all(pages)).map((page) => page.data.length));
  const ids = async (query) => (await all(client.fineTuning.jobs.list(query))).map((each) => each.id);
  say("all", await ids({ limit: 3 }));
  say("by metadata", await ids({ metadata: { "größe": "1 – klein" } }));
  say("by other metadata", await ids({ metadata: { team: "sea" } }));
  say("after", await ids({ after: job.id }));
  await refused("after nothing", () => client.fineTuning.jobs.list({ after: "ftjob-nonesuch" }));
}

async function liveModels(client, model) {
  chapter("models");
  for await (const each of client.models.list()) say("listed", each);
  say("retrieved", await client.models.retrieve(model));
  say("base", await client.models.retrieve(BASE));
  await refused("a base model is not deleted", () => client.models.delete(BASE));
  await refused("nor one that isn't there", () => client.models.delete(`ft:${BASE}:org-acme::nothing`));
}

async function liveChat(client, model) {
  chapter("chat");
  const question = [{ role: "user", content: "Which colour has sky number 3?" }];
  say("plain", await client.chat.completions.create({ model, messages: question, temperature: 0 }));
  const talk = [
    { role: "system", content: "You know colours." },
    { role: "user", content: [{ type: "text", text: "Which colour " }, { type: "text", text: "has snow?" }] },
    { role: "assistant", content: "white" },
    { role: "user", content: "Which colour has grass number 2?", name: "ann" },
  ];
  const answer = await client.chat.completions.create({
    model, messages: talk, n: 2, seed: 7, temperature: 0.3, user: "ann", metadata: { run: "1" },
  });
  say("of two", answer);
  const cut = await client.chat.completions.create({ model, messages: question, temperature: 0, max_completion_tokens: 1 });
  say("cut", { reason: cut.choices[0].finish_reason, tokens: cut.usage.completion_tokens });
  const stopped = await client.chat.completions.create({ model, messages: question, temperature: 0, stop: ["lu", "x"] });
  say("stopped", stopped.choices[0]);
  const { response } = await client.chat.completions.create({ model, messages: question, temperature: 0 }).withResponse();
  const headers = (names, show) => Object.fromEntries(names.map((name) => [name, show(response.headers.get(name))]));
  say("headers", headers(["content-type", "openai-organization", "openai-version"], (value) => value));
  say("and", headers(["x-request-id", "openai-processing-ms"], (value) => value !== null));
}

async function liveTools(client) {
  chapter("tools");
  const places = ["Rome", "Oslo", "Lima"];
  const rows = [0, 1, 2, 3].flatMap((number) => places.map((place) => toolRow(`${place} ${number}`)));
  const file = await client.files.create({ file: await toFile(jsonl(rows), "tools.jsonl"), purpose: "fine-tune" });
  const made = await client.fineTuning.jobs.create({ model: BASE, training_file: file.id, seed: 1 });
  const job = await reached(client, made.id);
  say("ended", { status: job.status, tokens: job.trained_tokens });
  const question = [{ role: "user", content: "How is the weather in Oslo 1?" }];
  const ask = { model: job.fine_tuned_model, tools: [WEATHER], temperature: 0 };
  let answer = await client.chat.completions.create({ ...ask, messages: question });
  say("call", answer);
  const [call] = answer.choices[0].message.tool_calls;
  const talk = [...question, answer.choices[0].message, { role: "tool", tool_call_id: call.id, content: "rain" }];
  answer = await client.chat.completions.create({ ...ask, messages: talk, parallel_tool_calls: false });
  say("afterwards", answer.choices[0].finish_reason);
  say("tokens of the prompt", answer.usage.prompt_tokens);
  await client.models.delete(job.fine_tuned_model);
  await client.files.delete(file.id);
}

async function liveErrors(client, training) {
  chapter("errors");
  const { completions } = client.chat, { jobs } = client.fineTuning;
  const ask = { model: BASE, messages: [{ role: "user", content: "hello" }] };
  const train = { model: BASE, training_file: training };
  const upload = async (text, name, purpose = "fine-tune") =>
    client.files.create({ file: await toFile(Buffer.from(text), name), purpose });
  const metadata = Object.fromEntries(Array.from({ length: 17 }, (_, number) => [String(number), ""]));
  const stranger = new OpenAI({ maxRetries: 0, apiKey: "sk-another-key-0123456789" });
  await refused("wrong key", () => stranger.models.list());
  await refused("no such model", () => completions.create({ ...ask, model: "ft:x:y::nothing" }));
  await refused("no such job", () => jobs.retrieve("ftjob-nonesuch"));
  await refused("no such file", () => jobs.create({ model: BASE, training_file: "file-nonesuch" }));
  await refused("too hot", () => completions.create({ ...ask, temperature: 2.5 }));
  await refused("no messages", () => completions.create({ model: BASE, messages: [] }));
  await refused("wrong type", () => completions.create({ ...ask, n: "two" }));
  await refused("unknown parameter", () => completions.create({ ...ask, colour: "red" }));
  await refused("too many epochs", () => jobs.create({ ...train, hyperparameters: { n_epochs: 51 } }));
  await refused("long suffix", () => jobs.create({ ...train, suffix: "x".repeat(65) }));
  await refused("seed below zero", () => jobs.create({ ...train, seed: -1 }));
  await refused("much metadata", () => jobs.create({ ...train, metadata }));
  await refused("limit", () => jobs.list({ limit: 101 }));
  await refused("wrong purpose", () => upload("{}", "a.jsonl", "fine-tuning"));
  await refused("not JSONL", () => upload("[1]", "a.jsonl"));
  await refused("wrong name", () => upload("{}", "a.csv"));
  await refused("no such route", () => client.embeddings.create({ model: BASE, input: "x", encoding_format: "float" }));
}

async function liveEnd(client, job, files) {
  chapter("the end");
  say("model", await client.models.delete(job.fine_tuned_model));
  await refused("it is gone", () => client.models.retrieve(job.fine_tuned_model));
  const hello = [{ role: "user", content: "hello" }];
  await refused("and silent", () => client.chat.completions.create({ model: job.fine_tuned_model, messages: hello }));
  say("its job", (await client.fineTuning.jobs.retrieve(job.id)).status);
  for (const file of [...files, ...job.result_files]) say("file", await client.files.delete(file));
  say("files left", (await all(client.files.list())).map((file) => file.id));
}

/** The job once it has one of the statuses; without any, once it has ended. */
async function reached(client, jobId, ...statuses) {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const job = await client.fineTuning.jobs.retrieve(jobId);
    if ((statuses.length ? statuses : ENDED).includes(job.status)) return job;
    if (performance.now() > deadline) throw new Error(`${jobId} is still ${job.status}`);
    await sleep(20);
  }
}

function colourRows(times) {
  const numbers = Array.from({ length: times }, (_, number) => number);
  return numbers.flatMap((number) =>
    Object.entries(COLOURS).map(([thing, colour]) => ({
      messages: [
        { role: "user", content: `Which colour has ${thing} number ${number}?` },
        { role: "assistant", content: colour },
      ],
    })),
  );
}

function toolRow(place) {
  const call = { id: "call_1", type: "function", function: { name: "weather", arguments: JSON.stringify({ place }) } };
  return {
    messages: [
      { role: "user", content: `How is the weather in ${place}?` },
      { role: "assistant", tool_calls: [call] },
    ],
    tools: [WEATHER],
  };
}

function jsonl(rows) {
  return Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

function sha256(content) {
  return createHash("sha256").update(content).digest("hex");
}

/** All that an iteration gives, in a list. */
async function all(iterable) {
  const items = [];
  for await (const item of iterable) items.push(item);
  return items;
}

await main();

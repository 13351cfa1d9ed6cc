// What is refused, and how the SDK shows it.

import OpenAI, { toFile } from "openai";

import { chapter, refused } from "../transcript.mjs";
import { BASE } from "./rows.mjs";

export async function liveErrors(client, training) {
  chapter("errors");
  const { completions } = client.chat, { jobs } = client.fineTuning;
  const ask = { model: BASE, messages: [{ role: "user", content: "hello" }] };
  const train = { model: BASE, training_file: training };
  const upload = async (text, name, purpose = "fine-tune") =>
    client.files.create({ file: await toFile(Buffer.from(text), name), purpose });
  const metadata = Object.fromEntries(Array.from({ length: 17 }, (_, number) => [String(number), ""]));
  const stranger = new OpenAI({ maxRetries: 0, apiKey: "sk-another-key-0123456789" });
  await refused("wrong key", () => stranger.models.list());
  await refused("wrong organization", () => client.withOptions({ organization: "org-another" }).models.list());
  await refused("wrong project", () => client.withOptions({ project: "proj_another" }).models.list());
  await refused("no such model", () => completions.create({ ...ask, model: "ft:x:y::nothing" }));
  await refused("no such job", () => jobs.retrieve("ftjob-nonesuch"));
  await refused("no such file", () => jobs.create({ model: BASE, training_file: "file-nonesuch" }));
  await refused("too hot", () => completions.create({ ...ask, temperature: 2.5 }));
  await refused("not stored", () => completions.create({ ...ask, metadata: { run: "1" } }));
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

// Models and what they answer.

import { toFile } from "openai";

import { chapter, refused, say } from "../transcript.mjs";
import { BASE, WEATHER, jsonl, reached, toolRow } from "./rows.mjs";
import { liveToolStream } from "./streams.mjs";

export async function liveModels(client, model) {
  chapter("models");
  for await (const each of client.models.list()) say("listed", each);
  say("retrieved", await client.models.retrieve(model));
  say("base", await client.models.retrieve(BASE));
  await refused("a base model is not deleted", () => client.models.delete(BASE));
  await refused("nor one that isn't there", () => client.models.delete(`ft:${BASE}:org-acme::nothing`));
}

export async function liveChat(client, model) {
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
    model, messages: talk, n: 2, seed: 7, temperature: 0.3, user: "ann",
  });
  say("of two", answer);
  const cut = await client.chat.completions.create({ model, messages: question, temperature: 0, max_completion_tokens: 1 });
  say("cut", { reason: cut.choices[0].finish_reason, tokens: cut.usage.completion_tokens });
  const stopped = await client.chat.completions.create({ model, messages: question, temperature: 0, stop: ["lu", "x"] });
  say("stopped", stopped.choices[0]);
  const { response } = await client.chat.completions.create({ model, messages: question, temperature: 0 }).withResponse();
  const headers = (names, show) => Object.fromEntries(names.map((name) => [name, show(response.headers.get(name))]));
  const fixed = ["content-type", "openai-organization", "openai-version", "x-ratelimit-limit-requests"];
  say("headers", headers(fixed, (value) => value));
  const others = ["x-request-id", "openai-processing-ms", "x-ratelimit-remaining-requests", "x-ratelimit-reset-tokens"];
  say("and", headers(others, (value) => value !== null));
}

export async function liveTools(client) {
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
  await liveToolStream(client, job.fine_tuned_model);
  await client.models.delete(job.fine_tuned_model);
  await client.files.delete(file.id);
}

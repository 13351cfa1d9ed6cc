// Answers in pieces, with how likely they were, and in a given form.

import { chapter, refused, say } from "../transcript.mjs";
import { WEATHER } from "./rows.mjs";

const QUESTION = [{ role: "user", content: "Which colour has sky number 3?" }];
const COLOUR = {
  name: "colour",
  strict: true,
  schema: {
    type: "object",
    properties: { colour: { type: "string" } },
    required: ["colour"],
    additionalProperties: false,
  },
};

export async function liveStreams(client, model) {
  chapter("streams");
  const ask = { model, messages: QUESTION, temperature: 0 };
  for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) say("chunk", chunk);
  const counted = { ...ask, stream: true, stream_options: { include_usage: true } };
  for await (const chunk of await client.chat.completions.create(counted)) {
    say("with usage", { choices: chunk.choices.length, usage: chunk.usage ?? null });
  }
  const final = await client.chat.completions.stream({ ...ask, n: 2, seed: 1 }).finalChatCompletion();
  say("put together", final.choices.map((choice) => [choice.message.content, choice.finish_reason]));
  for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) {
    say("left early", chunk.choices[0].delta);
    break;
  }
  await refused("options without", () => client.chat.completions.create({ ...counted, stream: false }));
  const missing = { ...ask, model: "ft:x:y::nothing" };
  await refused("no such model", () => client.chat.completions.create({ ...missing, stream: true }));
}

export async function liveLogprobs(client, model) {
  chapter("logprobs");
  const ask = { model, messages: QUESTION, temperature: 0 };
  const { completions } = client.chat;
  say("of the answer", (await completions.create({ ...ask, logprobs: true })).choices[0]);
  say("of the likeliest", (await completions.create({ ...ask, logprobs: true, top_logprobs: 1 })).choices[0].logprobs);
  const measured = (await completions.create({ ...ask, logprobs: true, top_logprobs: 20 })).choices[0].logprobs;
  say("of all", measured.content[0].top_logprobs.map((other) => other.token).sort());
  await refused("of none", () => completions.create({ ...ask, top_logprobs: 2 }));
  await refused("too many", () => completions.create({ ...ask, logprobs: true, top_logprobs: 21 }));
}

export async function liveFormats(client, model) {
  chapter("formats");
  const sayJson = [{ role: "user", content: "Which colour has sky number 3? Answer in JSON." }];
  const ask = { model, messages: sayJson, temperature: 0 };
  const { completions } = client.chat;
  const schema = { type: "json_schema", json_schema: COLOUR };
  say("an object", (await completions.create({ ...ask, response_format: { type: "json_object" } })).choices[0]);
  say("a schema", (await completions.create({ ...ask, response_format: schema })).choices[0]);
  const plain = { ...ask, messages: QUESTION };
  await refused("without the word", () => completions.create({ ...plain, response_format: { type: "json_object" } }));
  await refused("unknown", () => completions.create({ ...ask, response_format: { type: "yaml" } }));
  await refused("without schema", () => completions.create({ ...ask, response_format: { type: "json_schema" } }));
}

export async function liveToolStream(client, model) {
  const question = [{ role: "user", content: "How is the weather in Oslo 1?" }];
  const ask = { model, messages: question, tools: [WEATHER], temperature: 0 };
  for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) {
    say("chunk", chunk.choices[0]);
  }
  const final = await client.chat.completions.stream(ask).finalChatCompletion();
  const calls = final.choices[0].message.tool_calls ?? [];
  say("put together", calls.map((call) => [call.id, call.function.name, call.function.arguments]));
}

// What models are trained on here, and what the chapters do with files and jobs.

import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

export const BASE = "gpt-4.1-mini-2025-04-14";
export const COLOURS = { sky: "blue", grass: "green", snow: "white" };
const ENDED = ["succeeded", "failed", "cancelled"];
export const WEATHER = {
  type: "function",
  function: {
    name: "weather",
    description: "Tells the weather.",
    parameters: { type: "object", properties: { place: { type: "string" } }, required: ["place"] },
  },
};

export function colourRows(times) {
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

export function toolRow(place) {
  const call = { id: "call_1", type: "function", function: { name: "weather", arguments: JSON.stringify({ place }) } };
  return {
    messages: [
      { role: "user", content: `How is the weather in ${place}?` },
      { role: "assistant", tool_calls: [call] },
    ],
    tools: [WEATHER],
  };
}

export function jsonl(rows) {
  return Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

export function sha256(content) {
  return createHash("sha256").update(content).digest("hex");
}

/** The job once it has one of the statuses; without any, once it has ended. */
export async function reached(client, jobId, ...statuses) {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const job = await client.fineTuning.jobs.retrieve(jobId);
    if ((statuses.length ? statuses : ENDED).includes(job.status)) return job;
    if (ENDED.includes(job.status)) throw new Error(`${jobId} has ${job.status} before it was ${statuses}`);
    if (performance.now() > deadline) throw new Error(`${jobId} is still ${job.status}`);
    await sleep(20);
  }
}

/** All that an iteration gives, in a list. */
export async function all(iterable) {
  const items = [];
  for await (const item of iterable) items.push(item);
  return items;
}

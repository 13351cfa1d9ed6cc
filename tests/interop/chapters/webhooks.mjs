// What webhooks were told, and how the SDK knows that nobody else told them.

import { setTimeout as sleep } from "node:timers/promises";

import OpenAI from "openai";

import { chapter, say } from "../transcript.mjs";

export async function liveWebhooks(client, jobId, { ended }) {
  chapter("webhooks");
  const letters = await arrived(ended);
  const events = await Promise.all(letters.map((letter) => client.webhooks.unwrap(letter.body, letter.headers)));
  const counts = {};
  for (const event of events) counts[event.type] = (counts[event.type] ?? 0) + 1;
  say("told of", counts);
  const place = events.findIndex((event) => event.data.id === jobId);
  say("of the job", events[place]);
  const { body, headers } = letters[place];
  say("as", Object.fromEntries(["content-type", "webhook-id"].map((name) => [name, headers[name]])));
  const old = { ...headers, "webhook-timestamp": String(Number(headers["webhook-timestamp"]) - 3600) };
  const other = { ...headers, "webhook-id": "wh_another" };
  await forged("another body", () => client.webhooks.unwrap(body.replaceAll("succeeded", "cancelled"), headers));
  await forged("another id", () => client.webhooks.unwrap(body, other));
  await forged("an old one", () => client.webhooks.unwrap(body, old));
  await forged("another secret", () => client.webhooks.unwrap(body, headers, `whsec_${"A".repeat(43)}=`));
}

async function arrived(count) {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const letters = await (await fetch(process.env.LIFE_LETTERBOX)).json();
    if (letters.length >= count) return letters;
    if (performance.now() > deadline) throw new Error(`only ${letters.length} letters have come`);
    await sleep(50);
  }
}

async function forged(label, unwrap) {
  try {
    await unwrap();
  } catch (error) {
    if (!(error instanceof OpenAI.InvalidWebhookSignatureError)) throw error;
    say(label, { class: error.constructor.name, message: error.message });
    return;
  }
  throw new Error(`${label}: was taken for genuine`);
}

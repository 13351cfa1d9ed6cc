// A fine-tune's life as the Node SDK lives it; life.py is the same in the Python SDK, line by line.
//
// Asks the server at OPENAI_BASE_URL with OPENAI_API_KEY, as any program would that knows nothing of ftops. The server's
// webhook, signed with OPENAI_WEBHOOK_SECRET, goes to the letterbox at LIFE_LETTERBOX.

import OpenAI from "openai";

import { liveBatches } from "./chapters/batches.mjs";
import { liveChat, liveModels, liveTools } from "./chapters/chat.mjs";
import { liveEnd } from "./chapters/end.mjs";
import { liveErrors } from "./chapters/errors.mjs";
import { liveFaults } from "./chapters/faults.mjs";
import { liveFiles } from "./chapters/files.mjs";
import { liveGraders } from "./chapters/graders.mjs";
import { liveCancel, liveFailure, liveJob, liveLists, livePause, liveResults } from "./chapters/jobs.mjs";
import { livePreferences, liveRewards } from "./chapters/methods.mjs";
import { liveFormats, liveLogprobs, liveStreams } from "./chapters/streams.mjs";
import { liveUploads } from "./chapters/uploads.mjs";
import { liveWebhooks } from "./chapters/webhooks.mjs";

async function main() {
  const client = new OpenAI({ maxRetries: 0 });
  await liveFaults(client);
  const [training, validation] = await liveFiles(client);
  await liveUploads(client);
  const job = await liveJob(client, training, validation);
  await liveResults(client, job);
  await livePause(client, training);
  await liveCancel(client, training);
  await liveFailure(client);
  await liveLists(client, job);
  await liveModels(client, job.fine_tuned_model);
  await liveChat(client, job.fine_tuned_model);
  await liveStreams(client, job.fine_tuned_model);
  await liveLogprobs(client, job.fine_tuned_model);
  await liveFormats(client, job.fine_tuned_model);
  await liveTools(client);
  await livePreferences(client, job.fine_tuned_model);
  await liveRewards(client);
  await liveBatches(client, job.fine_tuned_model);
  await liveGraders(client, job.fine_tuned_model);
  await liveErrors(client, training);
  await liveWebhooks(client, job.id, { ended: 16 });
  await liveEnd(client, job, [training, validation]);
}

await main();

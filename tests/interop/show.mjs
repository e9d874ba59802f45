// What a program for Node makes of BST's queue: `node show.mjs WHAT [ARGUMENT]`, with REDIS_URL and QUEUE in the environment.
// Each call answers with one line of JSON; tests/interop/show.py asks and judges.
import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { ExpressAdapter } from "@bull-board/express";
import { Queue, QueueEvents, Worker } from "bullmq";
import express from "express";

const name = process.env.QUEUE;
const address = new URL(process.env.REDIS_URL);
const connection = { host: address.hostname, port: Number(address.port), maxRetriesPerRequest: null };
const queue = new Queue(name, { connection });
const ENDS_WITHIN_MS = 20_000;

const commands = {
  // What the Queue API lists.
  async look() {
    const jobs = await queue.getJobs(["waiting", "delayed", "completed", "failed"]);
    const shown = jobs.map(async (job) => ({
      id: job.id, name: job.name, data: job.data, state: await job.getState(), attempts: job.opts.attempts,
      attemptsMade: job.attemptsMade, returned: job.returnvalue, reason: job.failedReason,
    }));
    return { counts: await queue.getJobCounts(), jobs: await Promise.all(shown) };
  },

  // What a dashboard shows: bull-board's own figures, over HTTP.
  async board() {
    const serverAdapter = new ExpressAdapter();
    createBullBoard({ queues: [new BullMQAdapter(queue)], serverAdapter });
    const app = express().use("/", serverAdapter.getRouter());
    const server = await new Promise((resolve) => { const s = app.listen(0, "127.0.0.1", () => resolve(s)); });
    const answer = await fetch(`http://127.0.0.1:${server.address().port}/api/queues`);
    const shown = await answer.json();
    server.close();
    return { status: answer.status, queues: shown.queues.map(({ name, counts }) => ({ name, counts })) };
  },

  // A worker for Node takes one job and completes it.
  async work() {
    const worker = new Worker(name, async (job) => ({ by: "node", events: job.data.eventIds.length }), {
      connection, autorun: false,
    });
    const done = new Promise((resolve) => worker.once("completed", (job, returned) => resolve({ id: job.id, returned })));
    worker.run();
    const seen = await done;
    await worker.close();
    return seen;
  },

  // A worker for Node fails one job: BST allows one attempt, for retries are in its log.
  async fail() {
    const worker = new Worker(name, async () => { throw new Error("not this one"); }, { connection, autorun: false });
    const done = new Promise((resolve) => worker.once("failed", async (job) => resolve({ id: job.id, state: await job.getState() })));
    worker.run();
    const seen = await done;
    await worker.close();
    return seen;
  },

  // A producer for Node adds a job in BST's format, with options of its own, and waits for its end.
  async add(text) {
    const { data, options } = JSON.parse(text);
    const events = new QueueEvents(name, { connection });
    await events.waitUntilReady();
    const job = await queue.add("booking-events", data, options);
    const before = await job.getState();
    await job.waitUntilFinished(events, ENDS_WITHIN_MS).catch(() => null); // a failure is an end, too
    const ended = await queue.getJob(job.id);
    await events.close();
    return { before, after: await ended.getState(), attemptsMade: ended.attemptsMade, reason: ended.failedReason };
  },

  // The same without waiting.
  async put(text) {
    const { data, options } = JSON.parse(text);
    return { id: (await queue.add("booking-events", data, options)).id };
  },
};

const [what, argument] = process.argv.slice(2);
console.log(JSON.stringify(await commands[what](argument)));
await queue.close();
process.exit(0);

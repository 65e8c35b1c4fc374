// Connects with the clients of Node.js to DATABASE_URL and REDIS_URL, as far as they are set, and prints what became of each:
// `NAME: ok`, or why not.

const ENCRYPTED = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
const { DATABASE_URL: database, REDIS_URL: cache } = process.env;

const databases = {
  "node-postgres": async () => {
    const { Client } = require("pg");
    const client = new Client({ connectionString: database });
    await client.connect();
    try {
      return (await client.query(ENCRYPTED)).rows[0].ssl;
    } finally {
      await client.end();
    }
  },
  Knex: async () => {
    const log = { warn() {}, error() {}, deprecate() {}, debug() {} };
    const knex = require("knex")({ client: "pg", connection: database, log });
    try {
      return (await knex.raw(ENCRYPTED)).rows[0].ssl;
    } finally {
      await knex.destroy();
    }
  },
  Sequelize: async () => {
    const { Sequelize } = require("sequelize");
    const sequelize = new Sequelize(database, { logging: false });
    try {
      return (await sequelize.query(ENCRYPTED))[0][0].ssl;
    } finally {
      await sequelize.close();
    }
  },
  "postgres.js": async () => {
    const sql = require("postgres")(database, { max: 1 });
    try {
      return (await sql.unsafe(ENCRYPTED))[0].ssl;
    } finally {
      await sql.end({ timeout: 1 });
    }
  },
};

const caches = {
  ioredis: async () => {
    const { Redis } = require("ioredis");
    const client = new Redis(cache, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
    let why;
    client.on("error", (error) => (why = error));
    try {
      await client.connect();
      return (await client.ping()) === "PONG";
    } catch (error) {
      throw why ?? error;
    } finally {
      client.disconnect();
    }
  },
  "node-redis": async () => {
    const client = require("redis").createClient({ url: cache, socket: { reconnectStrategy: false } });
    client.on("error", () => {});
    await client.connect();
    const answer = await client.ping();
    await client.close();
    return answer === "PONG";
  },
};

(async () => {
  const clients = { ...(database ? databases : {}), ...(cache ? caches : {}) };
  for (const [name, connect] of Object.entries(clients)) {
    const outcome = await connect().then(
      (good) => (good ? "ok" : "connected without encryption"),
      (error) => String(error.message ?? error).split("\n")[0],
    );
    console.log(`${name}: ${outcome}`);
  }
})();

// POST /api/auth/sign-up/email of better-auth on SQLite. One process: its hash has threads of its own, and two get into each
// other's way at the file.
import { createServer } from "node:http";
import { hash, verify } from "@node-rs/argon2";
import Database from "better-sqlite3";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";

const database = new Database(process.env.DATABASE_FILE);
database.pragma("journal_mode = WAL");
database.pragma("busy_timeout = 5000");
const cost = { memoryCost: 19456, timeCost: 2, parallelism: 1 };
const auth = betterAuth({
  database,
  secret: "not a secret, but long enough",
  baseURL: `http://127.0.0.1:${process.env.PORT}`,
  rateLimit: { enabled: false },
  emailAndPassword: {
    enabled: true,
    autoSignIn: false,
    password: {
      hash: (password) => hash(password, cost),
      verify: ({ hash: stored, password }) => verify(stored, password),
    },
  },
});

await (await getMigrations(auth.options)).runMigrations();
createServer(toNodeHandler(auth)).listen(Number(process.env.PORT), "127.0.0.1");

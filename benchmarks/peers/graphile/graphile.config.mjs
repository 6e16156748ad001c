// PostGraphile 5 with the settings it recommends for production: no GraphiQL, no watching, no explain, one process.
// Row filter and masks of W6 are the view customer_secure over settings, which is PostGraphile's own way: the claims
// become settings of a transaction around the query. Without a token there is no transaction.
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { PgAggregatesPreset } from "@graphile/pg-aggregates";
import { makePgService } from "postgraphile/adaptors/pg";
import { createHmac, timingSafeEqual } from "node:crypto";

const secret = process.env.BENCH_JWT_SECRET;
const verified = new Map();

// As in the other peers, a verified token is trusted until it expires.
function claimsOf(header) {
  if (!header.startsWith("Bearer ")) throw new Error("no bearer token");
  const token = header.slice(7);
  const known = verified.get(token);
  if (known && known.exp * 1000 > Date.now()) return known;
  const [head, payload, signature] = token.split(".");
  const wanted = createHmac("sha256", secret).update(`${head}.${payload}`).digest();
  const given = Buffer.from(signature, "base64url");
  if (wanted.length !== given.length || !timingSafeEqual(wanted, given)) throw new Error("bad token");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  if (verified.size > 20000) verified.clear();
  verified.set(token, claims);
  return claims;
}

/** @type {GraphileConfig.Preset} */
export default {
  extends: [PostGraphileAmberPreset, PgAggregatesPreset],
  pgServices: [makePgService({
    connectionString: process.env.BENCH_DSN,
    schemas: ["public"],
    poolConfig: { max: Number(process.env.BENCH_POOL ?? 10) },
  })],
  grafserv: { port: Number(process.env.PORT), host: "127.0.0.1", graphiql: false, watch: false },
  grafast: {
    explain: false,
    context: (request) => {
      const header = request.node?.req?.headers?.authorization;
      if (!header) return {};
      const claims = claimsOf(header);
      return { pgSettings: {
        "jwt.claims.nations": claims.nations.join(","),
        "jwt.claims.pii": claims.pii ? "true" : "false",
      } };
    },
  },
  ruru: undefined,
  disablePlugins: ["MutationPlugin", "PgMutationCreatePlugin", "PgMutationUpdateDeletePlugin"],
};

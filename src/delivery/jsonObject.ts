/** A JSON object as JSON.parse gives it: own properties alone count, `__proto__` may be one of them. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

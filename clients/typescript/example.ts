/** Lists the organizations of a user, switches to one, and saves a filter for it. */

import createClient from "openapi-fetch";

import type { components, paths } from "./generated/api.js";

type Organization = components["schemas"]["Organization"];
type Refusal = components["schemas"]["Error"];
type SavedFilter = components["schemas"]["SavedFilter"];

/** A client that speaks as the user of a session token. */
export function connect(baseUrl: string, token: string) {
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
}

type Client = ReturnType<typeof connect>;

export async function organizations(client: Client): Promise<Organization[]> {
  const { data, error } = await client.GET("/v1/organizations");
  if (error) throw refused(error);
  return data?.organizations ?? [];
}

/** "Switching" is naming another organization in each request: the server keeps nothing. */
export async function saveFilter(
  client: Client,
  organization: Organization,
  name: string,
): Promise<SavedFilter> {
  const { data, error } = await client.POST("/v1/voters/voter-file/filter", {
    params: { header: { "X-Organization-Id": organization.id } },
    body: { name, hasCellPhone: true },
  });
  if (error) {
    // The compiler knows the codes of this route.
    if (error.code === "pro-required") throw new Error("The campaign has to be upgraded first");
    throw refused(error);
  }
  return data;
}

/** Whether a filter may select by political party, the types say: one of an elected office cannot. */
export function selectsByParty(filter: SavedFilter): boolean {
  return "partyDemocrat" in filter && (filter.partyDemocrat ?? false);
}

export async function main(baseUrl: string, token: string): Promise<void> {
  const client = connect(baseUrl, token);
  const own = await organizations(client);
  const office = own.find((organization) => organization.type === "electedOffice");
  for (const organization of own.filter((one) => one.capabilities.saveSegments)) {
    const filter = await saveFilter(client, organization, `Mobile, ${organization.name}`);
    console.log(filter.id, filter.campaignId, selectsByParty(filter));
  }
  console.log(office?.position?.office, office?.district?.name);
}

function refused(error: Refusal): Error {
  return new Error(`${error.code}: ${error.message} (${error.requestId})`);
}

/** What must not compile: a directive below that has nothing to expect is an error itself. */

import { connect } from "./example.js";

const client = connect("https://api.example.org", "token");

// @ts-expect-error No such route.
await client.GET("/v1/nothing");

// @ts-expect-error An office requires its election day.
await client.POST("/v1/elected-office", { body: {} });

await client.PUT("/v1/campaigns/mine/district", {
  // @ts-expect-error A district's name is a string.
  body: { L2DistrictType: "City", L2DistrictName: 7 },
});

const { data: offices } = await client.GET("/v1/elected-office/current");
// @ts-expect-error An elected office has no party.
offices?.party;

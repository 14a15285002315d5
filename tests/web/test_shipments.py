"""Labels come in over HTTP; people look, correct, cancel and try again."""

from tests.web.apis import LABEL, Api


async def test_a_new_label_is_created_with_its_place(api: Api) -> None:
    answer = await api.client.post("/v1/shipments", json=LABEL)

    body = await answer.json()
    assert answer.status == 201, body
    assert answer.headers["Location"] == f"/v1/shipments/{body['id']}"
    assert body == {
        "id": body["id"],
        "state": "due",
        "why": None,
        "closedBecause": None,
        "updated": [],
        "warnings": [],
    }
    print(await api.one(body["id"]))
    print(await api.call("PATCH", f"/v1/shipments/{body['id']}", {"trackingNumber": "BR999"}))
    print(await api.one(body["id"]))
    print(await api.call("GET", "/v1/shipments?limit=2&trackingNumber=br999&state=due"))

"""moto as AWS behind world.wsgi, for boto3 in threads and aiobotocore; and Flask with what it depends on."""

import asyncio
import http.client
import os
import time
from contextlib import closing
from typing import Any

import aiohttp
import boto3
from aiobotocore.session import get_session
from flask import Flask, Response, request
from moto.moto_api._internal.models import moto_api_backend
from moto.server import DomainDispatcherApplication, create_backend_app
from place import alone

import interlace

os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

PLACE = {"LocationConstraint": "eu-west-1"}


def aws(world: interlace.World) -> None:
    moto_api_backend.reset()
    world.wsgi(
        "https://*.amazonaws.com", DomainDispatcherApplication(create_backend_app), latency="5ms..50ms"
    )


@alone
async def s3_with_aiobotocore(world: interlace.World) -> None:
    aws(world)
    async with get_session().create_client("s3") as s3:
        await s3.create_bucket(Bucket="teas", CreateBucketConfiguration=PLACE)

        async def put(number: int) -> None:
            await s3.put_object(Bucket="teas", Key=f"a b/{number}", Body=b"%d" % number * 1000)

        await asyncio.gather(*map(put, range(3)))
        listed = await s3.list_objects_v2(Bucket="teas")
        assert [one["Key"] for one in listed["Contents"]] == ["a b/0", "a b/1", "a b/2"]
        answer = await s3.get_object(Bucket="teas", Key="a b/2")
        async with answer["Body"] as body:
            assert await body.read() == b"2" * 1000
    assert world.clock.elapsed >= 0.02


@alone
async def sqs_with_boto3_in_a_thread(world: interlace.World) -> None:
    aws(world)

    def work() -> None:
        with closing(boto3.client("sqs")) as sqs:
            queue = sqs.create_queue(QueueName="teas")["QueueUrl"]
            sqs.send_message(QueueUrl=queue, MessageBody="assam")
            [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
            assert message["Body"] == "assam"
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    await asyncio.to_thread(work)
    assert world.clock.elapsed >= 0.02


@alone
async def dynamodb_with_both(world: interlace.World) -> None:
    aws(world)
    teas = {"TableName": "teas"}

    def make() -> None:
        with closing(boto3.client("dynamodb")) as dynamodb:
            dynamodb.create_table(
                **teas,
                KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )

    await asyncio.to_thread(make)
    async with get_session().create_client("dynamodb") as dynamodb:

        async def sell() -> None:
            await dynamodb.update_item(
                **teas,
                Key={"name": {"S": "assam"}},
                UpdateExpression="ADD sold :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

        await asyncio.gather(sell(), sell(), sell())
        found = await dynamodb.get_item(**teas, Key={"name": {"S": "assam"}})
        assert found["Item"]["sold"] == {"N": "3"}


def shop() -> Flask:
    app = Flask("shop")

    @app.post("/orders/<item>")
    def order(item: str) -> Any:
        connection = http.client.HTTPConnection("stock")
        connection.request("GET", f"/items/{item}")
        left = int(connection.getresponse().read())
        connection.close()
        time.sleep(0.1)
        return {"left": left, "number": request.get_json()["number"], "client": request.remote_addr}, 201

    @app.get("/stream")
    def stream() -> Response:
        def pieces() -> Any:
            for number in range(3):
                time.sleep(1)
                yield f"{number} "

        return Response(pieces(), mimetype="text/plain")

    return app


@alone
async def flask_with_what_it_depends_on(world: interlace.World) -> None:
    world.wsgi("https://shop", shop(), latency="1ms..20ms")
    world.http("http://stock").get("/items/{item}").text("42", latency="5ms..50ms")
    async with aiohttp.ClientSession() as session:

        async def order(number: int) -> None:
            async with session.post("https://shop/orders/tea", json={"number": number}) as answer:
                assert answer.status == 201
                client = world.host("local").address
                assert await answer.json() == {"left": 42, "number": number, "client": client}

        await asyncio.gather(*map(order, range(3)))
        async with session.get("https://shop/stream") as answer:
            assert await answer.text() == "0 1 2 "

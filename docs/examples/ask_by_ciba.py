"""Programs that ask by CIBA: one polls, and one is pinged."""

from datetime import timedelta

from flask import Flask, request

from counterseal_client import (
    Action,
    CallbackRefused,
    NotApproved,
    StartedRequest,
    receive_ping,
)


def delete_folder(client, account_id, path, delete):
    arguments = {"path": path}
    action = Action(type="tool-call", resource="delete_folder", arguments=arguments)
    started_request = client.start(account_id, action=action)
    try:
        approval = client.poll(started_request, timedelta(minutes=10))
    except NotApproved as refusal:
        return refusal.code  # declined or unanswered
    client.consume(approval, arguments)  # act if this returns, never if it raises
    delete(path)
    return "deleted"


def create_desk(client, started_requests, log_in):
    desk = Flask("desk")

    def find_token(auth_req_id):
        text = started_requests.get(auth_req_id)
        return None if text is None else StartedRequest.load(text).notification_token

    @desk.post("/ciba/ping")
    def ping():
        try:
            auth_req_id = receive_ping(request.headers, request.get_data(), find_token).auth_req_id
        except CallbackRefused:
            return "", 401
        started_request = StartedRequest.load(started_requests[auth_req_id])
        try:
            approval = client.redeem(started_request)
        except NotApproved:
            pass
        else:
            log_in(approval.account_id)
        del started_requests[auth_req_id]
        return "", 204

    return desk

"""What differs in the work of the two; each figure names the letters that belong to it."""

from __future__ import annotations

NOTES = {
    "A": "theirs: triggerchallenge and the signed answer, through its WSGI application; ours:"
    " `issue` and `answer` of the core, embedded: no HTTP, no origin that has to say who it is",
    "B": "theirs keeps everything in SQLite, ours in memory, which is less than a service does",
    "C": "both keep everything in SQLite: write-ahead log, synchronous=FULL. Theirs syncs at each"
    " of its commits; ours once for each call that writes, before its reply: with the call's"
    " commit, or, for a replay key or a count without one, at its end",
    "D": "both through their WSGI application, called by one thread",
    "E": "both behind granian: one worker process on one core, eight threads; four clients in one"
    " process on another core; ours with its workers for callbacks and expiry",
    "F": "five calls, theirs: trigger by an administrator, pull, answer, poll, redeem; ours: add,"
    " the list of what is asked, one request, answer, getRequest. Our device pulls with two calls,"
    " and for our origin there is nothing to redeem",
    "G": "a pull: theirs verifies an RSA-2048 signature, and signs what it returns twice with an"
    " RSA-4096 key of that token; ours verifies an ES256 proof at each of the two calls, remembers"
    " its id against replay, and returns the stored document",
    "H": "an answer: theirs verifies one RSA-2048 signature; ours two of ES256, of the call and of"
    " the answer over exactly what was shown, remembers the call's id, and signs a receipt with"
    " ES256",
    "I": "the origin: theirs reads a token at the trigger, and nothing at poll and redeem; ours"
    " checks a Basic secret at both calls, and counts what the origin asks",
    "J": "theirs evaluates policies, finds the user in resolver and realm, encrypts what a"
    " challenge holds, and writes an authentication log; ours stores the whole question, and"
    " commits the events of its audit trail with what they tell of",
    "K": "theirs is tuned: the audit goes to a logger and is below its level (no rows, no"
    " signatures), responses are not signed, no metrics, the configuration is looked at and"
    " callers are noted once an hour, users in a file, log level error; ours: log level error, and"
    " no limit on what one origin asks in a minute",
    "L": "ours on granian's WSGI, as theirs is: no deadline for a body, so that slow clients can"
    " hold every thread, and no workers for callbacks and expiry",
}

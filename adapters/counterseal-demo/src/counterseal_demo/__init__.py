"""
Programs that show what Counterseal does, and that replace what you do not have yet.

- `demo_command`: `counterseal-demo`, one approval and ten forgeries, or ten attacks on a log-in
- `device_command`: `counterseal-device`, a device in software
- `relay`: `counterseal relay`, a push service for trying out
- `trial`: a real OpenID Connect provider on this machine

None of it is for production.
"""

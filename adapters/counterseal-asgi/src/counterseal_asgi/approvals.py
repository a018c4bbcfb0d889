"""
Approvals for coroutines: one origin of a service that runs in this process.

    approvals = AsyncApprovals(
        service,
        "example.com/shop",
        company="Example",
        app_space="Example shop",
        origin="Web shop",
    )
    app = FastAPI(lifespan=approvals.lifespan)
    app.mount("/auth", AsgiApplication(service, pages=Pages()))
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any, ParamSpec, TypeVar

from anyio import CapacityLimiter

import counterseal as cs
from counterseal.models import ActionUse, Challenge, Guid, Question, RelyingParty, UseState
from counterseal_asgi.ends import closing_on_signal, wait_for_end
from counterseal_asgi.threads import run_in_thread
from counterseal_web import Approvals, Service

P = ParamSpec("P")
T = TypeVar("T")


class AsyncApprovals:
    """
    Invites and asks the users of one origin, with the verbs of `counterseal_web.Approvals`.

    Each call runs in a thread, as `aio` says. It is a dependency of FastAPI itself:
    `Annotated[AsyncApprovals, Depends(approvals)]`. **The account id must come from the user's
    authenticated session**, and never from a form, an address or a body.

    Args:
        service: The use cases, and the settings.
        key: The program's own name for the origin, which never changes.
        company: The name of the company.
        app_space: The name of the App Space, which users read on their device.
        origin: The name of the origin.
        callbacks: The addresses of its allow-list; None if they are not compared.
        limiter: How many calls run at once, as `aio` says.
    """

    def __init__(
        self,
        service: Service,
        key: str,
        *,
        company: str,
        app_space: str,
        origin: str,
        callbacks: Iterable[str] | None = None,
        limiter: CapacityLimiter | None = None,
    ) -> None:
        self.service = service
        self._approvals = Approvals(
            service,
            key,
            company=company,
            app_space=app_space,
            origin=origin,
            callbacks=callbacks,
        )
        self._limiter = limiter

    async def __call__(self) -> AsyncApprovals:
        """Return itself, so that it can stand in `Depends`."""
        return self

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncIterator[None]:
        """
        Create the origin, or load it, and end all waits when the process is to stop.

        It is the `lifespan` of a FastAPI or Starlette application, or is entered in the
        application's own.

        Raises:
            SettingDiffers, InvalidField, Unavailable: As of `load_party`: the process must not
                start.
        """
        await self.load_party()
        with closing_on_signal(self.service):
            yield

    async def run(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Call any other verb in a thread, such as one of `service.accounts`; return its result.

        Args:
            verb: What blocks.
            args: Its arguments.
            kwargs: The same, by name.
        """
        return await run_in_thread(partial(verb, *args, **kwargs), self._limiter)

    async def load_party(self) -> RelyingParty:
        """
        Return the origin, with which any other verb of the service is called.

        Raises:
            SettingDiffers: A record is stored with another setting; `field` names the argument.
            InvalidField: The key, a name or an address does not fit.
            Unavailable: A port failed.
        """
        return await self.run(self._approvals.load_party)

    async def invite(
        self, account_id: str, *, app_url: str | None = None, display_name: str | None = None
    ) -> str:
        """Return the link that binds one device of a user, as `Approvals.invite` does."""
        return await self.run(
            self._approvals.invite, account_id, app_url=app_url, display_name=display_name
        )

    async def has_device(self, account_id: str) -> bool:
        """Tell whether the user has a device that can be asked."""
        return await self.run(self._approvals.has_device, account_id)

    async def ask(
        self, question: Question | Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> cs.Issued:
        """Ask a user, as `Approvals.ask` does."""
        return await self.run(self._approvals.ask, question, idempotency_key=idempotency_key)

    async def status(self, challenge: Guid) -> Challenge:
        """Return a challenge as it stands, as `Approvals.status` does."""
        return await self.run(self._approvals.status, challenge)

    async def wait(self, challenge: Guid, timeout: timedelta) -> Challenge:
        """
        Wait until a challenge has ended; return it as it stands then, or after *timeout*.

        It needs asyncio. Have no transaction of your own open meanwhile.

        Args:
            challenge: The GUID.
            timeout: How long to wait at most; zero loads once.

        Raises:
            NotFound, Foreign, Unavailable: As of `wait_for_end`.
        """
        return await wait_for_end(
            self.service,
            await self.load_party(),
            challenge,
            timeout=timeout,
            limiter=self._limiter,
        )

    async def cancel(self, challenge: Guid) -> Challenge:
        """Cancel a challenge that is open, as `Approvals.cancel` does."""
        return await self.run(self._approvals.cancel, challenge)

    async def consume(self, challenge: Guid, arguments: Mapping[str, Any]) -> cs.ConsumedAction:
        """Use an approved action for *arguments*, as `Approvals.consume` does."""
        return await self.run(self._approvals.consume, challenge, arguments)

    async def report(
        self, challenge: Guid, outcome: UseState, *, detail: str | None = None
    ) -> ActionUse:
        """Report the outcome of a use, as `Approvals.report` does."""
        return await self.run(self._approvals.report, challenge, outcome, detail=detail)

    async def expire(self) -> None:
        """Expire what is over, for a worker, as `Approvals.expire` does."""
        await self.run(self._approvals.expire)

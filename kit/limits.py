"""Every limit of the system, with its default. `LPSE_LIMITS` changes some of them: `{"uploads_per_account": 8}`.

An office or a mobile carrier shows itself as one address, so what counts on an address is far above what counts on an
account, and who is logged in counts on the account. Rates are per minute and per replica; sizes are bytes.
"""

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Limits"]


class Limits(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    # connections to the gateway
    connections: int = Field(4096, ge=1, description="open at a time; full: the one that waits longest makes room")
    connections_per_address: int = Field(1024, ge=1, description="the same, of one address")
    idle_seconds: float = Field(20, gt=0, description="a connection is kept without a request")
    head_seconds: float = Field(10, gt=0, description="from a request's first byte to the end of its headers")
    head_bytes: int = Field(16 << 10, ge=1024, description="a request's headers together")
    head_lines: int = Field(64, ge=8, description="a request's header lines")
    target_bytes: int = Field(8 << 10, ge=256, description="a request's path and query")
    stalled_seconds: float = Field(60, gt=0, description="an answer waits for a client that does not read on")

    # bodies
    body_bytes: int = Field(1 << 20, ge=1024, description="a JSON request or a form of somebody who is logged in")
    anonymous_body_bytes: int = Field(64 << 10, ge=1024, description="the same, of anybody else")
    body_seconds: float = Field(60, gt=0, description="a JSON request or a form arrives whole")
    upload_rate: int = Field(1024, ge=1, description="bytes per second that an upload must at least make ...")
    upload_window: float = Field(30, gt=0, description="... measured over so many seconds of waiting for the sender")
    upload_seconds: float = Field(12 * 3600, gt=0, description="an upload as a whole")

    # requests
    requests_per_account: float = Field(1200, gt=0, description="a minute")
    requests_per_address: float = Field(12_000, gt=0, description="a minute, by people who are not logged in")
    at_once_per_account: int = Field(48, ge=1, description="requests under way")
    at_once_per_address: int = Field(256, ge=1, description="requests under way, of people who are not logged in")
    uploads_per_account: int = Field(4, ge=1, description="uploads under way")
    downloads_per_account: int = Field(8, ge=1, description="downloads under way")
    downloads_per_address: int = Field(64, ge=1, description="downloads under way, of people who are not logged in")
    at_once_per_service: int = Field(1024, ge=1, description="requests under way at one service")

    # logins
    failed_logins_per_address: float = Field(30, gt=0, description="a minute, once the burst is used up")
    failed_logins_burst: int = Field(
        300, ge=1, description="failed logins of one address that are let through at first"
    )
    logins_at_once: int = Field(512, ge=1, description="logins under way in the gateway")
    logins_at_once_per_address: int = Field(128, ge=1, description="the same, of one address")
    unknown_sessions_per_address: float = Field(120, gt=0, description="a minute, once the burst is used up")
    unknown_sessions_burst: int = Field(
        300, ge=1, description="sessions nobody knows, of one address, asked for at first"
    )
    guesses_per_place: int = Field(5, ge=1, description="failed logins of one user id from one address or browser")
    guesses_per_user_id: int = Field(100, ge=1, description="the same from all that never logged in with it before")
    guess_window: int = Field(15 * 60, ge=1, description="seconds that a failed login counts")
    logins_waiting: int = Field(512, ge=1, description="logins that wait for the hashing of passwords")
    logins_waiting_per_address: int = Field(256, ge=1, description="the same, of one address; addresses take turns")

    # storage
    upload_memory: int = Field(
        64 << 20, ge=8 << 20, description="parts of files held in memory; what is above, on disk"
    )
    upload_disk: int = Field(3 << 30, ge=8 << 20, description="parts of files under way; what is above waits")
    uploads: int = Field(512, ge=1, description="uploads under way in documents")
    receipts_printing: int = Field(32, ge=1, description="receipts printed as PDF, or waiting for it, at a time")
    upload_bytes_per_day: int = Field(20 << 30, ge=1, description="stored for one account in 24 hours")

"""Whose account a profile is, and whether it is signed in."""

from tulou import Command, Level, Plugin
from tulou_contracts.crypto import Keyring
from tulou_contracts.identity import Authenticator, Credentials, Identity
from tulou_contracts.storage import Storage

plugin = Plugin(
    name="auth",
    version="0.1.0",
    summary="Signs the profile's account in and out, and keeps its password in the keyring",
    level=Level.CORE,
    requires=(Storage, Keyring),
    wants=(Authenticator,),
    provides=(Identity, Credentials),
    config="tulou_auth.config:Config",
    run="tulou_auth.service:run",
    commands=(Command("sign-in", "sign a profile in without a page", "tulou_auth.command:main"),),
)

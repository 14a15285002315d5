"""Settings: one frozen object from a file and the environment over it."""

from relay.settings.accounts import AccountSettings as AccountSettings
from relay.settings.contracts import ContractSettings as ContractSettings
from relay.settings.findings import Finding as Finding
from relay.settings.findings import WrongSettings as WrongSettings
from relay.settings.loading import load as load
from relay.settings.root import Settings as Settings
from relay.settings.sections import Ages as Ages
from relay.settings.sections import Intake as Intake
from relay.settings.sections import Log as Log
from relay.settings.sections import Publisher as Publisher
from relay.settings.tokens import ApiToken as ApiToken
from relay.settings.tokens import Scope as Scope
from relay.settings.tokens import hash_token as hash_token

"""The commands, with the module and function of each, and what they do."""

from collections.abc import Mapping
from typing import Final

GROUPS: Final[Mapping[str, str]] = {
    "shipments": "List, import and change shipments.",
    "invoices": "Post invoices to VTEX, and list them.",
    "documents": "List documents received from carriers, and parse them again.",
    "rejected": "Show webhooks that failed verification, and accept them later.",
    "events": "Decide about events that `relay lists quarantined` shows.",
    "carriers": "List adapters, try them, start a new one.",
    "codes": "Map carriers' unknown codes, and list and export what is mapped.",
    "contracts": "List contracts, and how their carriers are polled.",
    "accounts": "List accounts, and open those that are closed.",
    "endpoint": "Key pairs with which an ERP calls the relay in place of VTEX.",
    "outgoing": "Outgoing events: list them, send them again, test a receiver.",
    "database": "Back up the SQLite database, restore it, and move it.",
    "users": "Add people who may use the console.",
    "alerts": "Show alerts, and send a test message.",
}
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "serve": ("run:serve", "Run the relay until it is stopped."),
    "sandbox": ("run:sandbox", "Run a VTEX sandbox with carrier simulators."),
    "init": ("run:init", "Write a settings file with every setting commented out."),
    "demo": ("run:demo", "Show the whole flow with a sandbox; no account is needed."),
    "doctor": ("run:doctor", "Check settings, database and VTEX access."),
    "status": (
        "status:status",
        "Show what works and what is wrong: the relay, VTEX and each carrier.",
    ),
    "discovery": (
        "discovery:discovery",
        "Show whether parcels are found in VTEX: feed, hook, and the last orders.",
    ),
    "reconcile": (
        "reconcile:reconcile",
        "Compare open shipments with what VTEX shows; --repair sends what lacks.",
    ),
    "shadow": (
        "shadow:shadow",
        "Show what would differ in VTEX if the relay had sent, in shadow mode.",
    ),
    "lists": ("worklists:lists", "Show a work list: what needs an operator."),
    "erase": ("accounts:erase", "Erase the personal data of one order for good."),
    "shipments list": ("shipments:list_", "List shipments, the newest first."),
    "shipments show": ("shipments:show", "Show everything stored about one shipment."),
    "shipments import": (
        "import_labels:import_",
        "Register labels from a CSV file; exit code 1 if a row was refused.",
    ),
    "shipments correct": (
        "shipment_actions:correct",
        "Correct a number, a key, a date, the page, the courier or the contract.",
    ),
    "shipments retry": (
        "shipment_actions:retry",
        "Publish at once, and clear earlier failures.",
    ),
    "shipments poll-now": (
        "shipment_actions:poll_now",
        "Poll the carrier at once; an expired shipment is reopened.",
    ),
    "shipments handover": (
        "shipment_actions:handover",
        "Add a second carrier; events of both carriers count.",
    ),
    "shipments resend": (
        "shipment_actions:resend",
        "Send tracking number and events to VTEX again, with current settings.",
    ),
    "shipments mark-delivered": (
        "shipment_actions:mark_delivered",
        "Record a delivery that the carrier did not report.",
    ),
    "shipments cancel": (
        "shipment_actions:cancel",
        "Cancel a label: nothing more is published.",
    ),
    "alerts list": (
        "alerts:list_",
        "Show open alerts with what to do about each, or those that are over.",
    ),
    "alerts test": (
        "alerts:send_test",
        "Send a test message by every channel, and call the heartbeat's address.",
    ),
    "outgoing receivers": (
        "outgoing_events:receivers",
        "List receivers of outgoing events: whether they work, and what waits.",
    ),
    "outgoing list": ("outgoing_events:list_", "List events, the newest first."),
    "outgoing show": (
        "outgoing_events:show",
        "Show an event with its deliveries, and the body that receivers get.",
    ),
    "outgoing replay": (
        "outgoing_events:replay",
        "Send events again, with the same ids: one, or those of a time.",
    ),
    "outgoing test": ("outgoing_events:send_test", "Send a test event to a receiver."),
    "outgoing enable": (
        "outgoing_events:enable",
        "Call a receiver again that is disabled or fails.",
    ),
    "users add": (
        "users:add",
        "Make the settings of a person who may use the console.",
    ),
    "invoices post": (
        "invoices:post",
        "Post an invoice to VTEX, from a JSON file; with its parcel, if it has one.",
    ),
    "invoices list": ("invoices:list_", "List invoices, and why they wait."),
    "invoices show": (
        "invoices:show",
        "Show an invoice with its content and its calls to VTEX.",
    ),
    "invoices retry": (
        "invoices:retry",
        "Post at once, and clear earlier failures.",
    ),
    "invoices cancel": (
        "invoices:cancel",
        "Withdraw an invoice that was not sent to VTEX yet.",
    ),
    "invoices mark-delivered": (
        "invoices:mark_delivered",
        "Mark the package of a return as delivered in VTEX.",
    ),
    "documents list": ("documents:list_", "List documents, the newest first."),
    "documents show": ("documents:show", "Show a document with its headers and body."),
    "documents replay": (
        "documents:replay",
        "Parse documents again, after a fix of an adapter or a code table.",
    ),
    "rejected show": (
        "rejected:show",
        "Show a webhook that failed verification, with its body.",
    ),
    "rejected accept": (
        "rejected:accept",
        "Verify rejected webhooks again, and parse those that pass.",
    ),
    "events release": ("worklists:release", "Release an event: it is published."),
    "events drop": (
        "worklists:drop",
        "Drop an event: it is not published, unless it was already.",
    ),
    "carriers list": ("carriers:list_", "List the installed adapters."),
    "carriers try": (
        "carriers:try_",
        "Show what a contract's adapter makes of a document; nothing is stored.",
    ),
    "carriers stats": (
        "statistics:show",
        "Show what the carrier of a contract did in the last days.",
    ),
    "carriers new": (
        "carriers:new",
        "Start an adapter: its folder, and tests with the sample as the first one.",
    ),
    "codes list": (
        "codes:list_",
        "List mapped codes, and how far their documents were parsed again.",
    ),
    "codes map": (
        "codes:map_",
        "Map a code of a contract; documents with it are parsed again.",
    ),
    "codes unmap": (
        "codes:unmap",
        "Remove a mapping; what was published stays in VTEX.",
    ),
    "codes export": (
        "codes:export",
        "Print mapped codes as TOML, for the settings or a code table.",
    ),
    "contracts list": (
        "accounts:list_contracts",
        "List contracts, and why their carriers are not polled.",
    ),
    "accounts list": (
        "accounts:list_",
        "List accounts, and why nothing is published for them.",
    ),
    "accounts open": (
        "accounts:open_",
        "Try again at once, after a fix of credentials or permissions.",
    ),
    "endpoint new-pair": (
        "endpoint:new_pair",
        "Make a key pair for an ERP or hub; nothing is stored.",
    ),
    "endpoint list": ("endpoint:list_", "List the key pairs, without their tokens."),
    "database backup": (
        "database:backup",
        "Copy the SQLite database to a file, also while the relay runs.",
    ),
    "database restore": (
        "database:restore",
        "Replace the SQLite database by a backup; the relay must be stopped.",
    ),
    "database move": (
        "database:move",
        "Move the SQLite database to PostgreSQL; the relay must be stopped.",
    ),
}
"""Commands by path: `module:function` in this package, and the function's summary."""

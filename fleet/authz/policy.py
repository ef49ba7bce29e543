"""Who may do what: the one table, and the only place where a role is named.

A row grants an action on a kind of thing. `globally`: to holders of one of these roles for everything;
`own_team`: to holders of the role in the team that the thing belongs to; `any_team`: to holders of the role in
whichever team; `any_team_if_global`: likewise, but only while the thing belongs to no team; `oneself`: to the
user that the thing is, or belongs to; `signed_in`: to everybody who is signed in. Nobody else.
"""

from dataclasses import dataclass

ROLES = ("admin", "maintainer", "observer_plus", "observer", "gitops")

READERS = frozenset({"admin", "maintainer", "observer_plus", "observer"})
ASKERS = frozenset({"admin", "maintainer", "observer_plus"})
APPLIERS = frozenset({"admin", "maintainer", "gitops"})
EDITORS = frozenset({"admin", "maintainer"})
CONFIGURERS = frozenset({"admin", "gitops"})
ADMINS = frozenset({"admin"})
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Grant:
    """One row of the table."""

    globally: frozenset[str] = NOBODY
    own_team: frozenset[str] = NOBODY
    any_team: frozenset[str] = NOBODY
    any_team_if_global: frozenset[str] = NOBODY
    oneself: bool = False
    signed_in: bool = False


POLICY: dict[tuple[str, str], Grant] = {
    ("app_config", "read"): Grant(READERS, any_team=READERS),
    ("app_config", "write"): Grant(CONFIGURERS),
    ("teams", "read"): Grant(signed_in=True),
    ("team", "read"): Grant(READERS, own_team=READERS),
    ("team", "write"): Grant(CONFIGURERS, own_team=CONFIGURERS),
    ("user", "read"): Grant(ADMINS, own_team=ADMINS, oneself=True),
    ("user", "write"): Grant(ADMINS, own_team=ADMINS, oneself=True),
    ("user", "write_role"): Grant(ADMINS, own_team=ADMINS),
    ("user", "change_password"): Grant(ADMINS, oneself=True),
    ("invite", "read"): Grant(ADMINS),
    ("invite", "write"): Grant(ADMINS),
    ("activity", "read"): Grant(READERS),
    ("session", "read"): Grant(ADMINS, oneself=True),
    ("session", "write"): Grant(ADMINS, oneself=True),
    ("enroll_secret", "read"): Grant(EDITORS, own_team=EDITORS),
    ("enroll_secret", "write"): Grant(EDITORS, own_team=EDITORS),
    ("global_enroll_secret", "read"): Grant(EDITORS),
    ("global_enroll_secret", "write"): Grant(APPLIERS),
    ("host", "list"): Grant(READERS, any_team=READERS),
    ("host", "read"): Grant(READERS, own_team=READERS),
    ("host", "write"): Grant(APPLIERS, own_team=EDITORS),
    ("label", "read"): Grant(READERS, any_team=READERS),
    ("label", "write"): Grant(APPLIERS),
    ("query", "read"): Grant(READERS, own_team=READERS, any_team_if_global=READERS),
    ("query", "write"): Grant(APPLIERS, own_team=APPLIERS),
    ("query", "run_new"): Grant(ASKERS, any_team=ASKERS),
    ("target", "read"): Grant(READERS, any_team=READERS),
    ("pack", "read"): Grant(APPLIERS),
    ("pack", "write"): Grant(APPLIERS),
    ("carve", "read"): Grant(ADMINS),
    ("carve", "write"): Grant(ADMINS),
    ("policy", "read"): Grant(READERS, own_team=READERS, any_team_if_global=READERS),
    ("policy", "write"): Grant(APPLIERS, own_team=APPLIERS),
    ("software_inventory", "read"): Grant(READERS, own_team=READERS),
    ("mdm_apple_config_profile", "read"): Grant(EDITORS, own_team=EDITORS),
    ("mdm_apple_config_profile", "write"): Grant(APPLIERS, own_team=APPLIERS),
    ("mdm_apple", "read"): Grant(ADMINS),
    ("mdm_apple", "write"): Grant(ADMINS),
    ("mdm_apple_enrollment_profile", "read"): Grant(ADMINS),
    ("mdm_apple_enrollment_profile", "write"): Grant(ADMINS),
    ("mdm_apple_command", "read"): Grant(READERS, own_team=READERS),
    ("mdm_apple_command", "write"): Grant(EDITORS, own_team=EDITORS),
    ("mdm_apple_installer", "read"): Grant(ADMINS),
    ("mdm_apple_installer", "write"): Grant(ADMINS),
    ("mdm_apple_device", "read"): Grant(ADMINS),
    ("mdm_apple_device", "write"): Grant(ADMINS),
    ("mdm_apple_dep_device", "read"): Grant(ADMINS),
    ("mdm_apple_dep_device", "write"): Grant(ADMINS),
    ("mdm_apple_settings", "read"): Grant(EDITORS, own_team=EDITORS),
    ("mdm_apple_settings", "write"): Grant(APPLIERS, own_team=APPLIERS),
    ("mdm_apple_bootstrap_package", "read"): Grant(EDITORS, own_team=EDITORS),
    ("mdm_apple_bootstrap_package", "write"): Grant(APPLIERS, own_team=APPLIERS),
    ("mdm_apple_setup_assistant", "read"): Grant(EDITORS, own_team=EDITORS),
    ("mdm_apple_setup_assistant", "write"): Grant(APPLIERS, own_team=APPLIERS),
    ("cron_schedules", "read"): Grant(ADMINS),
    ("cron_schedules", "write"): Grant(ADMINS),
    ("version", "read"): Grant(signed_in=True),
    ("host_script_result", "read"): Grant(READERS, own_team=READERS),
    ("host_script_result", "write"): Grant(EDITORS, own_team=EDITORS),
}

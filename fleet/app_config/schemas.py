"""The organization's settings as a document: what stands in it, and what a new instance has."""

from copy import deepcopy
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

CONTACT_URL = "https://fleetdm.com/company/contact"
TRANSPARENCY_URL = "https://fleetdm.com/transparency"
MASK = "********"
"""What is shown in place of a secret that is set."""

DEFAULT_AGENT_OPTIONS: dict[str, Any] = {
    "config": {
        "options": {
            "pack_delimiter": "/",
            "logger_tls_period": 10,
            "distributed_plugin": "tls",
            "disable_distributed": False,
            "logger_tls_endpoint": "/api/osquery/log",
            "distributed_interval": 10,
            "distributed_tls_max_attempts": 3,
        },
        "decorators": {
            "load": [
                "SELECT uuid AS host_uuid FROM system_info;",
                "SELECT hostname AS hostname FROM system_info;",
            ]
        },
    },
    "overrides": {},
}


class Part(BaseModel):
    """A section of the document."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OrgInfo(Part):
    """The organization."""

    org_name: str = ""
    org_logo_url: str = ""
    org_logo_url_light_background: str = ""
    contact_url: str = CONTACT_URL


class ServerSettings(Part):
    """How the server is reached, and what it does for everybody."""

    server_url: str = ""
    live_query_disabled: bool = False
    enable_analytics: bool = True
    deferred_save_host: bool = False
    debug_host_ids: list[int] | None = None


class SmtpSettings(Part):
    """How mail is sent."""

    enable_smtp: bool = False
    configured: bool = False
    sender_address: str = ""
    server: str = ""
    port: int = 587
    authentication_type: str = "authtype_username_password"
    user_name: str = ""
    password: str = ""
    enable_ssl_tls: bool = True
    authentication_method: str = "authmethod_plain"
    domain: str = ""
    verify_ssl_certs: bool = True
    enable_start_tls: bool = True


class HostExpirySettings(Part):
    """After how many days without a word a host is forgotten."""

    host_expiry_enabled: bool = False
    host_expiry_window: int = 0


class Features(Part):
    """What is asked of hosts."""

    enable_host_users: bool = True
    enable_software_inventory: bool = True
    additional_queries: dict[str, Any] | None = None
    detail_query_overrides: dict[str, str | None] | None = None

    def shown(self) -> dict[str, Any]:
        """The section without the keys that hold nothing."""
        filled = {"additional_queries", "detail_query_overrides"}
        return {key: value for key, value in self.model_dump().items() if value is not None or key not in filled}


class IdentityProvider(Part):
    """Where people prove who they are."""

    entity_id: str = ""
    issuer_uri: str = ""
    metadata: str = ""
    metadata_url: str = ""
    idp_name: str = ""


class SsoSettings(IdentityProvider):
    """Single sign-on to this server."""

    idp_image_url: str = ""
    enable_sso: bool = False
    enable_sso_idp_login: bool = False
    enable_jit_provisioning: bool = False
    enable_jit_role_sync: bool = False


class FleetDesktop(Part):
    """What people see of the agent on their own computer."""

    transparency_url: str = ""


class VulnerabilitySettings(Part):
    """Where the vulnerability databases are."""

    databases_path: str = ""


class HostStatusWebhook(Part):
    """Tells when too many hosts are away."""

    enable_host_status_webhook: bool = False
    destination_url: str = ""
    host_percentage: float = 0
    days_count: int = 0


class FailingPoliciesWebhook(Part):
    """Tells which hosts newly fail a policy."""

    enable_failing_policies_webhook: bool = False
    destination_url: str = ""
    policy_ids: list[int] | None = None
    host_batch_size: int = 0


class VulnerabilitiesWebhook(Part):
    """Tells which hosts have newly found vulnerabilities."""

    enable_vulnerabilities_webhook: bool = False
    destination_url: str = ""
    host_batch_size: int = 0


class WebhookSettings(Part):
    """What the server tells others by itself, and how often it looks."""

    host_status_webhook: HostStatusWebhook = HostStatusWebhook()
    failing_policies_webhook: FailingPoliciesWebhook = FailingPoliciesWebhook()
    vulnerabilities_webhook: VulnerabilitiesWebhook = VulnerabilitiesWebhook()
    interval: str = "24h0m0s"


class Jira(Part):
    """A Jira project that gets tickets."""

    url: str = ""
    username: str = ""
    api_token: str = ""
    project_key: str = ""
    enable_failing_policies: bool = False
    enable_software_vulnerabilities: bool = False


class Zendesk(Part):
    """A Zendesk group that gets tickets."""

    url: str = ""
    email: str = ""
    api_token: str = ""
    group_id: int = 0
    enable_failing_policies: bool = False
    enable_software_vulnerabilities: bool = False


class Integrations(Part):
    """Ticket systems."""

    jira: list[Jira] | None = None
    zendesk: list[Zendesk] | None = None


class MacosUpdates(Part):
    """The version that Macs are asked to reach, and until when."""

    minimum_version: str | None = None
    deadline: str | None = None


class MacosSettings(Part):
    """Profiles and disk encryption of Macs."""

    custom_settings: list[str] | None = None
    enable_disk_encryption: bool = False


class MacosSetup(Part):
    """What a new Mac goes through."""

    bootstrap_package: str | None = None
    enable_end_user_authentication: bool = False
    macos_setup_assistant: str | None = None


class MacosMigration(Part):
    """How Macs come over from another server."""

    enable: bool = False
    mode: Literal["", "voluntary", "forced"] = ""
    webhook_url: str = ""


class Mdm(Part):
    """Device management."""

    apple_bm_default_team: str = ""
    apple_bm_enabled_and_configured: bool = False
    apple_bm_terms_expired: bool = False
    enabled_and_configured: bool = False
    macos_updates: MacosUpdates = MacosUpdates()
    macos_settings: MacosSettings = MacosSettings()
    macos_setup: MacosSetup = MacosSetup()
    macos_migration: MacosMigration = MacosMigration()
    end_user_authentication: IdentityProvider = IdentityProvider()
    windows_enabled_and_configured: bool = False


class AppConfig(Part):
    """The document."""

    org_info: OrgInfo = OrgInfo()
    server_settings: ServerSettings = ServerSettings()
    smtp_settings: SmtpSettings = SmtpSettings()
    host_expiry_settings: HostExpirySettings = HostExpirySettings()
    features: Features = Features()
    agent_options: dict[str, Any] | None = Field(default_factory=lambda: deepcopy(DEFAULT_AGENT_OPTIONS))
    sso_settings: SsoSettings = SsoSettings()
    fleet_desktop: FleetDesktop = FleetDesktop()
    vulnerability_settings: VulnerabilitySettings = VulnerabilitySettings()
    webhook_settings: WebhookSettings = WebhookSettings()
    integrations: Integrations = Integrations()
    mdm: Mdm = Mdm()

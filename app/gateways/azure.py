"""Azure API Management: the policies of one API. The API itself is imported from ``customhouse gateway openapi``."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from app.edge.cors import ASKED, SHOWN
from app.gateways.facing import STRIPPED, Facing, Login
from app.gateways.made import Made, first_alone, said, settings, unbounded, whole, within
from app.gateways.wrong import CannotStand

MOST_SECONDS = 240.0


def azure(facing: Facing) -> Made:
    """Raises CannotStand."""
    facing, late = within(facing, MOST_SECONDS, "API Management of Azure")
    wanted = settings(facing)
    wanted.pop("CUSTOMHOUSE_CORS_ORIGINS", None)  # Azure says it; said twice, browsers take neither
    left = (
        *late,
        *first_alone(facing),
        "Bodies that do not say their length: the gateway behind bounds them.",
        "The API itself: import the OpenAPI 3.0 that this command's part 'openapi' prints, without a subscription key.",
        *unbounded(facing),
    )
    begin = said(facing, "Azure API Management", wanted, left)
    lines = ["<policies>", *_inbound(facing), *_backend(facing), *_outbound(), "</policies>", ""]
    comment = "\n".join(["<!--", *(f"  {line.replace('--', '- -')}" for line in begin), "-->", ""])
    return Made(comment + "\n".join(lines), wanted, left)


def _inbound(facing: Facing) -> list[str]:
    lines = ["  <inbound>", "    <base />", *_cors(facing), *_bodies(facing.body_bytes)]
    if facing.logins:
        lines += ["    <choose>", f"      <when condition={quoteattr(_asked(facing))}>"]
        lines += [f"        {line}" for line in _tokens(facing.logins)]
        lines += ["      </when>", "    </choose>"]
    if facing.per_minute is not None:
        lines.append(
            f'    <rate-limit-by-key calls="{facing.per_minute}" renewal-period="60" '
            'counter-key="@(context.Request.IpAddress)" />'
        )
    lines += [
        '    <set-header name="X-Request-Id" exists-action="skip">',
        "      <value>@(context.RequestId.ToString())</value>",
        "    </set-header>",
        *(f'    <set-header name="{name}" exists-action="delete" />' for name in STRIPPED),
        f'    <set-backend-service base-url="{facing.upstreams[0].url}" />',
        "  </inbound>",
    ]
    return lines


def _bodies(most: int) -> list[str]:
    """By what they say of themselves: the policy validate-content takes no limit above 100 KiB."""
    said = f'@(long.Parse(context.Request.Headers.GetValueOrDefault("Content-Length", "0")) > {most})'
    return [
        "    <choose>",
        f"      <when condition={quoteattr(said)}>",
        "        <return-response>",
        '          <set-status code="413" reason="Content Too Large" />',
        "        </return-response>",
        "      </when>",
        "    </choose>",
    ]


def _asked(facing: Facing) -> str:
    """Everything but health, by what stands behind the API's own path."""
    paths = ", ".join(f'"{route.path}"' for route in facing.of("health"))
    return f"@(!new[] {{ {paths} }}.Contains(context.Operation.UrlTemplate))"


def _tokens(logins: tuple[Login, ...]) -> list[str]:
    """One rule for all issuers: Azure has no "this one or that one"."""
    for login in logins:
        if not login.oidc:
            raise CannotStand(
                f"Azure finds keys by OpenID Connect discovery, which the issuer '{login.name}' is not said to have "
                "(oidc: true): leave tokens to the gateway behind with --tokens pass."
            )
    audiences = sorted({audience for one in logins for audience in one.audiences})
    return [
        '<validate-jwt header-name="Authorization" require-scheme="Bearer" require-expiration-time="true" '
        'require-signed-tokens="true" clock-skew="1" failed-validation-httpcode="401">',
        *(
            f"  <openid-config url={quoteattr(one.issuer.rstrip('/') + '/.well-known/openid-configuration')} />"
            for one in logins
        ),
        "  <audiences>",
        *(f"    <audience>{escape(audience)}</audience>" for audience in audiences),
        "  </audiences>",
        "  <issuers>",
        *(f"    <issuer>{escape(one.issuer)}</issuer>" for one in logins),
        "  </issuers>",
        "</validate-jwt>",
    ]


def _cors(facing: Facing) -> list[str]:
    if not facing.origins:
        return []
    listed = [f"        <origin>{escape(origin)}</origin>" for origin in facing.origins]
    return [
        '    <cors allow-credentials="false">',
        "      <allowed-origins>",
        *listed,
        "      </allowed-origins>",
        '      <allowed-methods preflight-result-max-age="600">',
        "        <method>GET</method>",
        "        <method>POST</method>",
        "      </allowed-methods>",
        "      <allowed-headers>",
        *(f"        <header>{name}</header>" for name in ASKED),
        "      </allowed-headers>",
        "      <expose-headers>",
        *(f"        <header>{name}</header>" for name in SHOWN),
        "      </expose-headers>",
        "    </cors>",
    ]


def _backend(facing: Facing) -> list[str]:
    seconds = {of: whole(max((route.seconds for route in facing.of(of)), default=0)) for of in ("graphql", "sql")}
    told = str(seconds["graphql"])
    if seconds["sql"]:
        told = f"@(context.Operation.UrlTemplate == &quot;/sql&quot; ? {seconds['sql']} : {seconds['graphql']})"
    return [
        "  <backend>",
        f'    <forward-request timeout="{told}" buffer-request-body="true" buffer-response="false" '
        'follow-redirects="false" />',
        "  </backend>",
    ]


def _outbound() -> list[str]:
    return [
        "  <outbound>",
        "    <base />",
        "  </outbound>",
        "  <on-error>",
        "    <base />",
        "  </on-error>",
    ]

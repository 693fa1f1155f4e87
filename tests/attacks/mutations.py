"""Security checks, each with the line that makes it and the test that must fail without that line."""

from dataclasses import dataclass

_GATEWAY = "services/mcp_gateway/src/mcp_gateway"
_AUTH = "services/auth_server/src/auth_server"
_COMMON = "packages/common/src/authproxy_common"
_OTHER_TENANT = "82229342-1101-4ab6-817b-70c0747630f3"
_TESTS = "tests/attacks/test_token_binding.py"


@dataclass(frozen=True)
class Mutation:
    """A check taken away.

    Args:
        check: What is checked.
        file: Where.
        line: The source text that makes the check.
        instead: What stands there when it is taken away.
        test: Must fail then.
    """

    check: str
    file: str
    line: str
    instead: str
    test: str


MUTATIONS = [
    Mutation(
        "PKCE verifier",
        f"{_GATEWAY}/domain/authorizations.py",
        'CodeChallenge(asked.code_challenge).check(params.get("code_verifier"))',
        "pass",
        f"{_TESTS}::test_a_stolen_code_is_worthless_without_its_verifier",
    ),
    Mutation(
        "audience",
        f"{_GATEWAY}/proxy/admission.py",
        "if token.resource != server.resource:",
        "if False:",
        f"{_TESTS}::test_a_token_for_one_mcp_server_opens_no_other",
    ),
    Mutation(
        "scope",
        f"{_GATEWAY}/proxy/admission.py",
        "if missing:",
        "if False:",
        f"{_TESTS}::test_a_token_without_the_scope_of_the_call_is_told_which_to_ask_for",
    ),
    Mutation(
        "the code's client",
        f"{_GATEWAY}/domain/authorizations.py",
        "if not hmac.compare_digest(client_id.encode(), asked.client_id.encode()):",
        "if False:",
        f"{_TESTS}::test_a_code_is_worthless_to_another_client",
    ),
    Mutation(
        "the tenant of a token",
        f"{_AUTH}/providers/entra.py",
        'return claims["iss"] == issuer == signs_for and issuer.endswith(f"/{tenant}/v2.0")',
        "return True",
        "tests/auth_server/test_entra.py::test_a_token_of_another_tenant_is_not_believed[another tenant]",
    ),
    Mutation(
        "the tenant that a key signs for",
        f"{_AUTH}/providers/entra.py",
        "issuer == signs_for and",
        "issuer and",
        "tests/auth_server/test_entra.py::"
        "test_a_key_signs_for_the_tenants_that_the_key_set_says[a key of another tenant]",
    ),
    Mutation(
        "personal accounts",
        f"{_AUTH}/providers/entra.py",
        'if tenant == _CONSUMERS and self._configured_tenant() == "organizations":',
        "if False:",
        "tests/auth_server/test_entra.py::test_a_token_of_another_tenant_is_not_believed[a personal account]",
    ),
    Mutation(
        "the tenants that are allowed",
        f"{_AUTH}/providers/entra.py",
        'if self.settings.allowed_tenants and claims["tid"] not in self.settings.allowed_tenants:',
        "if False:",
        "tests/auth_server/test_entra.py::"
        "test_only_listed_tenants_are_let_in[82229342-1101-4ab6-817b-70c0747630f3-access_denied]",
    ),
    Mutation(
        "the issuer of metadata of many tenants",
        f"{_AUTH}/providers/entra.py",
        "return bool(issuer == self._issuer())",
        "return True",
        "tests/auth_server/test_entra.py::test_metadata_of_another_issuer_is_not_used[https://evil.test/v2.0]",
    ),
    Mutation(
        "groups that are elsewhere",
        f"{_AUTH}/providers/entra.py",
        "if not overage or self.settings.groups_claim:",
        "if True:",
        "tests/auth_server/test_entra.py::test_more_groups_than_a_token_holds_are_no_groups_and_an_alarm[names]",
    ),
    Mutation(
        "the hosted domain",
        f"{_AUTH}/providers/google.py",
        "if not self._is_of_our_domains(claims):",
        "if False:",
        "tests/auth_server/test_google.py::test_the_domain_that_the_id_token_names_is_what_counts[of another domain]",
    ),
    Mutation(
        "the hosted domain of a token",
        f"{_AUTH}/providers/oidc.py",
        "if not claims or not self.vendor.admits_user_info(claims, access_token):",
        "if not claims:",
        "tests/auth_server/test_google.py::test_a_token_of_somebody_outside_the_domains_is_not_good_here",
    ),
    Mutation(
        "the issuer of an ID token",
        f"{_AUTH}/providers/vendor.py",
        'return bool(claims["iss"] == self.settings.issuer)',
        "return True",
        "tests/auth_server/test_id_tokens.py::test_an_id_token_with_a_wrong_claim_is_not_believed[another issuer]",
    ),
    Mutation(
        "whose access token has the roles",
        f"{_AUTH}/providers/id_token.py",
        'return claims if (claims["sub"], claims.get("azp")) == (subject, self.client_id) else {}',
        "return claims",
        "tests/auth_server/test_group_claims.py::"
        "test_roles_of_an_access_token_that_is_not_the_persons_own_are_no_groups[for another client]",
    ),
    Mutation(
        "an address that GitHub verified",
        f"{_AUTH}/providers/github.py",
        'if address.get("primary") is True and address.get("verified") is True:',
        "if True:",
        "tests/auth_server/test_github.py::test_an_address_that_github_has_not_verified_is_no_address[not verified]",
    ),
    Mutation(
        "the issuer of a provider without OpenID",
        f"{_AUTH}/providers/oauth2.py",
        "if issuer is not None and issuer != self.client.settings.issuer:",
        "if False:",
        "tests/auth_server/test_oauth_providers.py::test_an_answer_with_an_issuer_is_that_issuers[another one]",
    ),
    Mutation(
        "how many keys are read",
        f"{_AUTH}/providers/discovery.py",
        'if len(body["keys"]) > _MAX_KEYS:',
        "if False:",
        "tests/auth_server/test_rude_provider.py::test_an_id_token_that_cannot_be_believed[201 keys]",
    ),
    Mutation(
        "the Content-Type of a provider",
        f"{_AUTH}/providers/asking.py",
        "if not answer.says_json:",
        "if False:",
        "tests/auth_server/test_rude_provider.py::test_the_right_answer_with_the_wrong_content_type[token]",
    ),
    Mutation(
        "whom a posted answer is for",
        f"{_AUTH}/flows/sign_in.py",
        "if await self.attempts.get(posted.state.reveal()) is None:",
        "if False:",
        "tests/auth_server/test_posted_answers.py::"
        "test_a_form_that_answers_nothing_is_an_error_page_and_not_kept[unknown state]",
    ),
    Mutation(
        "one use of a posted answer",
        f"{_AUTH}/flows/sign_in.py",
        "posted = await self.posted.take(handle)",
        "posted = await self.posted.get(handle)",
        "tests/auth_server/test_posted_answers.py::test_a_handle_is_used_once_and_soon",
    ),
    Mutation(
        "the code's redirect_uri",
        f"{_GATEWAY}/domain/authorizations.py",
        'if asked.redirect_uri is not None and params.get("redirect_uri") != asked.redirect_uri:',
        "if False:",
        f"{_TESTS}::test_a_code_needs_the_redirect_uri_that_it_was_sent_to",
    ),
    Mutation(
        "the refresh token's client",
        f"{_GATEWAY}/grant_types/refresh_token.py",
        "grant.check_client(client.client_id)",
        "pass",
        f"{_TESTS}::test_a_refresh_token_is_worthless_to_another_client",
    ),
    Mutation(
        "the header allow-list",
        f"{_GATEWAY}/proxy/headers.py",
        "if n in _REQUEST or n.startswith(_REQUEST_PREFIX)",
        "if True",
        f"{_TESTS}::test_no_credential_or_claimed_identity_of_the_client_reaches_the_mcp_server",
    ),
    Mutation(
        "the gateway code's verifier",
        f"{_AUTH}/domain/sign_ins.py",
        "CodeChallenge(self.code_challenge).check(code_verifier)",
        "pass",
        "tests/auth_server/test_exchange_endpoint.py::"
        "test_a_code_is_worthless_to_others_and_spent_by_their_attempt[another verifier]",
    ),
    Mutation(
        "a verifier without a challenge",
        f"{_AUTH}/domain/sign_ins.py",
        "elif code_verifier is not None:",
        "elif False:",
        "tests/auth_server/test_exchange_endpoint.py::"
        "test_a_verifier_for_a_code_without_a_challenge_shows_that_the_code_is_from_another_sign_in",
    ),
    Mutation(
        "the gateway code's gateway_uri",
        f"{_AUTH}/domain/sign_ins.py",
        "if gateway_uri is None or not hmac.compare_digest(gateway_uri.encode(), self.gateway_uri.encode()):",
        "if False:",
        "tests/auth_server/test_exchange_endpoint.py::"
        "test_a_code_is_worthless_to_others_and_spent_by_their_attempt[another gateway_uri]",
    ),
    Mutation(
        "the browser of a sign-in",
        f"{_AUTH}/flows/sign_in.py",
        "attempt.check_browser(browser)",
        "pass",
        "tests/auth_server/test_callback_endpoint.py::"
        "test_a_sign_in_is_finished_in_the_browser_that_began_it[no cookie]",
    ),
    Mutation(
        "the state of an app's sign-in",
        f"{_COMMON}/gateway_sign_in.py",
        'if not pending.state.matches(answer.require("state")):',
        "if False:",
        "tests/common/test_gateway_sign_in.py::"
        "test_an_answer_to_a_sign_in_of_another_browser_is_refused_and_its_code_not_spent[state=st_of-another-browser]",
    ),
    Mutation(
        "the verifier of an app's sign-in",
        f"{_COMMON}/gateway_sign_in.py",
        'pending = PendingSignIn(Secret(mint("st")), mint_verifier())',
        'pending = PendingSignIn(Secret(mint("st")), Secret("v" * 43))',
        "tests/common/test_gateway_sign_in.py::test_a_stolen_code_is_worthless_in_a_sign_in_of_the_thiefs_own",
    ),
    Mutation(
        "that an app's session has a sign-in under way",
        f"{_COMMON}/gateway_sign_in.py",
        "if isinstance(value, str) and value]",
        "if isinstance(value, str)]",
        "tests/common/test_gateway_sign_in.py::"
        "test_a_session_without_a_pending_sign_in_has_nothing_to_complete[without a state]",
    ),
    Mutation(
        "the provider of an app's sign-in",
        f"{_COMMON}/gateway_sign_in.py",
        "if self.provider and sign_in.provider != self.provider:",
        "if False:",
        "tests/common/test_gateway_sign_in.py::test_the_sign_in_has_to_be_at_the_provider_that_was_asked_for",
    ),
    Mutation(
        "the ID token's nonce",
        f"{_AUTH}/providers/id_token.py",
        "if nonce is not None and not (isinstance(offered, str) and nonce.matches(offered)):",
        "if False:",
        "tests/auth_server/test_id_tokens.py::test_an_id_token_with_a_wrong_claim_is_not_believed[another nonce]",
    ),
    Mutation(
        "the provider that a callback arrived for",
        f"{_AUTH}/flows/sign_in.py",
        "if arrived_for != named_in(provider.redirect_uri):",
        "if False:",
        "tests/auth_server/test_mix_up.py::test_a_code_of_another_provider_is_not_redeemed[a path for each]",
    ),
    Mutation(
        "that an access token of the provider is one",
        f"{_AUTH}/flows/validation.py",
        "if user is None:",
        "if False:",
        "tests/auth_server/test_validation.py::test_a_token_that_the_provider_does_not_accept_is_refused[unknown]",
    ),
    Mutation(
        "that a request brings one access token",
        f"{_AUTH}/endpoints/bearer.py",
        "if len(values) > 1 or not _TOKEN.fullmatch(token.strip()):",
        "if False:",
        "tests/auth_server/test_validation.py::"
        "test_what_cannot_be_a_token_is_refused_and_the_provider_not_asked[two tokens]",
    ),
    Mutation(
        "that the userinfo endpoint names somebody",
        f"{_AUTH}/providers/user_info.py",
        'if not isinstance(claims.get("sub"), str) or not claims["sub"]:',
        "if False:",
        "tests/auth_server/test_validation.py::test_an_answer_that_is_neither_yes_nor_no_is_a_fault[nobody]",
    ),
    Mutation(
        "that what one provider said is not taken for another's word",
        f"{_AUTH}/flows/validation.py",
        'key = digest(f"{name} {access_token.reveal()}")',
        "key = digest(access_token.reveal())",
        "tests/auth_server/test_validation_cache.py::test_what_one_provider_said_is_not_another_ones_word",
    ),
    Mutation(
        "that what a provider said has an end",
        "packages/common/src/authproxy_common/recent_answers.py",
        "return timedelta(0) <= self.now() - answer.asked_at < self.kept",
        "return True",
        "tests/auth_server/test_validation_cache.py::test_a_token_that_was_revoked_is_noticed_when_the_time_is_over",
    ),
    Mutation(
        "the browser of a consent page",
        f"{_GATEWAY}/flows/authorization.py",
        'self._check_browser(pending.browser, browser, "consent")',
        "pass",
        "tests/mcp_gateway/test_consent.py::test_an_answer_from_another_browser_is_refused",
    ),
    Mutation(
        "the browser of an approval",
        f"{_GATEWAY}/flows/authorization.py",
        'self._check_browser(pending.browser, browser, "sign_in")',
        "pass",
        "tests/mcp_gateway/test_consent.py::test_a_callback_in_another_browser_is_refused_and_its_code_not_exchanged",
    ),
    Mutation(
        "the first use of a refresh token",
        f"{_GATEWAY}/flows/grants.py",
        "if first is not None and self.now() - first.used_at > self.grace:",
        "if False:",
        "tests/mcp_gateway/test_token_endpoint.py::test_a_superseded_refresh_token_ends_the_grant",
    ),
    Mutation(
        "the first use of a code",
        f"{_GATEWAY}/grant_types/authorization_code.py",
        "if await self.uses.claim(value, CodeUse(code.grant_id)) is not None:",
        "if False:",
        "tests/mcp_gateway/test_token_endpoint.py::test_a_code_used_twice_ends_what_the_first_use_got",
    ),
    Mutation(
        "the type of an access token",
        f"{_GATEWAY}/tokens/access_tokens.py",
        'if str(token.header.get("typ", "")).lower() not in {_TYPE, f"application/{_TYPE}"}:',
        "if False:",
        "tests/mcp_gateway/test_admission.py::test_a_forged_token_is_refused[not an access token by its type]",
    ),
    Mutation(
        "where a call comes from",
        f"{_GATEWAY}/proxy/mcp_proxy.py",
        "self.origins.check(headers)",
        "pass",
        "tests/mcp_gateway/test_admission.py::test_calls_come_by_our_name_and_from_allowed_pages[a foreign one]",
    ),
    Mutation(
        "which pages may read answers",
        f"{_GATEWAY}/proxy/cross_origin.py",
        "return origin is not None and self.origins.allows(origin)",
        "return origin is not None",
        "tests/mcp_gateway/test_browser_clients.py::"
        "test_a_page_of_any_other_origin_is_refused_and_reads_nothing[POST-https://evil.test]",
    ),
    Mutation(
        "which paths may be read by pages",
        f"{_GATEWAY}/proxy/cross_origin.py",
        'if scope["type"] != "http" or scope["path"] not in self.paths:',
        'if scope["type"] != "http":',
        "tests/mcp_gateway/test_browser_clients.py::test_what_believes_cookies_is_closed_to_scripts_also_of_those_who_may_call[/oauth/consent]",
    ),
    Mutation(
        "that a remembered token's grant has not ended",
        f"{_GATEWAY}/proxy/admission.py",
        "if epoch != self.epoch:",
        "if False:",
        "tests/mcp_gateway/test_revocation.py::test_a_replayed_code_ends_the_access_token_that_the_first_use_got",
    ),
    Mutation(
        "that a token was looked up in the present epoch",
        f"{_GATEWAY}/proxy/admission.py",
        "if epoch == self._memory.epoch:",
        "if True:",
        "tests/mcp_gateway/test_revocation.py::"
        "test_a_grant_that_ends_while_its_token_is_looked_up_is_not_remembered_as_good",
    ),
    Mutation(
        "the client of a revocation",
        f"{_GATEWAY}/flows/revocation.py",
        "grant.check_client(client.client_id)",
        "pass",
        "tests/mcp_gateway/test_revocation.py::test_another_client_cannot_end_a_grant",
    ),
    Mutation(
        "that a grant is read again before the provider is asked",
        f"{_GATEWAY}/flows/provider_check.py",
        "current = await self._current(grant.grant_id)",
        "current = grant",
        "tests/mcp_gateway/test_provider_check.py::"
        "test_a_caller_who_read_the_grant_before_it_was_renewed_does_not_spend_the_old_token_again",
    ),
    Mutation(
        "that the provider still accepts the person",
        f"{_GATEWAY}/grant_types/refresh_token.py",
        "grant = await self.provider.check(grant)",
        "pass",
        "tests/mcp_gateway/test_provider_check.py::test_who_is_no_longer_accepted_loses_everything",
    ),
    Mutation(
        "that a signing key's time has come",
        f"{_GATEWAY}/tokens/signing_keys.py",
        "return self.signs_from is None or self.signs_from <= moment",
        "return True",
        "tests/mcp_gateway/test_key_rotation.py::test_nobody_is_signed_out_at_any_moment_of_a_rolling_update",
    ),
    Mutation(
        "that no signing key waits when another is made",
        f"{_GATEWAY}/tokens/key_rotation.py",
        "_check_nobody_waits(ring, now)",
        "pass",
        "tests/mcp_gateway/test_key_rotation.py::test_while_a_key_waits_there_is_no_further_rotation",
    ),
    Mutation(
        "that a signing key is dropped in the end",
        f"{_GATEWAY}/tokens/key_rotation.py",
        "kept = next((place for place, at in enumerate(beginnings) if at and at <= now - keep), len(ring))",
        "kept = len(ring)",
        "tests/mcp_gateway/test_key_rotation.py::test_a_key_verifies_until_it_is_dropped_and_not_longer",
    ),
    Mutation(
        "who may read a new key file",
        f"{_GATEWAY}/tokens/key_file.py",
        "_OWNER_ALONE = 0o600",
        "_OWNER_ALONE = 0o644",
        "tests/mcp_gateway/test_key_file.py::test_a_new_file_is_its_owners_alone",
    ),
    Mutation(
        "that a key file is no link",
        f"{_GATEWAY}/tokens/key_file.py",
        "if path.is_symlink():",
        "if False:",
        "tests/mcp_gateway/test_key_file.py::test_a_symbolic_link_is_not_followed[nowhere.pem]",
    ),
    Mutation(
        "that one alone rotates a key file",
        f"{_GATEWAY}/tokens/key_file.py",
        "os.O_WRONLY | os.O_CREAT | os.O_EXCL",
        "os.O_WRONLY | os.O_CREAT",
        "tests/mcp_gateway/test_key_file.py::test_of_two_rotations_at_once_the_second_is_refused",
    ),
    Mutation(
        "that an address is on the public internet",
        "packages/common/src/authproxy_common/http/document_fetcher.py",
        "if not all(map(self.may_connect, addresses)):",
        "if False:",
        "tests/common/test_document_fetcher.py::test_nothing_inside_is_even_connected_to[127.0.0.1]",
    ),
    Mutation(
        "the IPv4 address inside of an IPv6 address",
        "packages/common/src/authproxy_common/addresses.py",
        "if inner is not None:",
        "if False:",
        "tests/common/test_addresses.py::test_what_is_on_the_internet_may_be_asked[::ffff:8.8.8.8]",
    ),
    Mutation(
        "the size of a document",
        "packages/common/src/authproxy_common/http/document_fetcher.py",
        "if len(body) > limit:",
        "if False:",
        "tests/common/test_document_fetcher.py::test_a_document_has_a_bound_on_its_size[101-status 200]",
    ),
    Mutation(
        "that a metadata document names itself",
        f"{_GATEWAY}/client_sources/metadata_document.py",
        'if document.get("client_id") != client_id:',
        "if False:",
        "tests/mcp_gateway/test_metadata_documents.py::"
        "test_metadata_that_is_not_usable_is_refused_with_the_reason[another client_id]",
    ),
    Mutation(
        "the hosts whose documents are taken",
        f"{_GATEWAY}/client_sources/metadata_document.py",
        "if not self.policy.allows_documents_of(uri.host):",
        "if False:",
        "tests/mcp_gateway/test_metadata_documents.py::"
        "test_documents_of_other_hosts_are_refused_where_the_operator_says_so_and_not_even_fetched",
    ),
    Mutation(
        "that a client authenticates as it is registered",
        f"{_COMMON}/clients/authentication.py",
        "if presented.method not in credentials.methods:",
        "if False:",
        "tests/mcp_gateway/test_client_authentication.py::"
        "test_a_client_that_does_not_authenticate_as_configured_gets_nothing_and_spends_nothing[no secret]",
    ),
    Mutation(
        "a client's secret",
        f"{_COMMON}/clients/authentication.py",
        "elif presented.method != NONE and not _is_secret_of(credentials, presented):",
        "elif False:",
        "tests/mcp_gateway/test_client_authentication.py::"
        "test_a_client_that_does_not_authenticate_as_configured_gets_nothing_and_spends_nothing[a wrong secret]",
    ),
    Mutation(
        "that a client assertion is used once",
        f"{_COMMON}/clients/authentication.py",
        "if used is not None:",
        "if False:",
        "tests/mcp_gateway/test_client_authentication.py::test_an_assertion_is_good_once_at_whichever_replica",
    ),
    Mutation(
        "whom a client assertion is about",
        f"{_COMMON}/clients/assertions.py",
        "if not claims.iss == claims.sub == client_id or not (claims.jti and claims.jti.isprintable()):",
        "if False:",
        "tests/mcp_gateway/test_client_authentication.py::"
        "test_an_assertion_with_a_wrong_claim_is_refused[another subject]",
    ),
    Mutation(
        "the audience of a client assertion",
        f"{_COMMON}/clients/assertions.py",
        "if not audience or not set(audience) <= self.audiences:",
        "if False:",
        "tests/mcp_gateway/test_client_authentication.py::"
        "test_an_assertion_with_a_wrong_claim_is_refused[another audience]",
    ),
    Mutation(
        "what a remembered consent covers: the destination",
        f"{_GATEWAY}/domain/consents.py",
        "and self.destination == host_or_scheme(authorization.address.uri)",
        "",
        "tests/mcp_gateway/test_remembered_consent.py::"
        "test_another_destination_is_asked_about_and_another_loopback_port_is_not",
    ),
    Mutation(
        "what a remembered consent covers: the scope",
        f"{_GATEWAY}/domain/consents.py",
        "and set(authorization.scope) <= set(self.scope)",
        "",
        "tests/mcp_gateway/test_remembered_consent.py::test_more_scope_is_asked_about_and_less_is_not",
    ),
    Mutation(
        "what a remembered consent covers: the client",
        f"{_GATEWAY}/domain/consents.py",
        "self.client_id == authorization.client_id",
        "True",
        "tests/mcp_gateway/test_remembered_consent.py::test_another_browser_and_another_client_are_asked",
    ),
    Mutation(
        "what a remembered consent covers: the MCP server",
        f"{_GATEWAY}/domain/consents.py",
        "and self.resource == authorization.resource",
        "",
        "tests/mcp_gateway/test_remembered_consent.py::test_another_mcp_server_is_asked_about",
    ),
    Mutation(
        "that a withdrawn consent's grants are looked for",
        f"{_GATEWAY}/flows/grants.py",
        "return consent_id is not None and await self.ended.get(consent_id) is not None",
        "return False",
        "tests/mcp_gateway/test_remembered_consent.py::"
        "test_withdrawing_ends_what_was_granted_at_every_replica_and_asks_again",
    ),
    Mutation(
        "where a withdrawal is sent from",
        f"{_GATEWAY}/endpoints/account.py",
        "check_same_site(request)",
        "pass",
        "tests/mcp_gateway/test_remembered_consent.py::test_a_withdrawal_sent_from_elsewhere_is_refused[cross-site]",
    ),
    Mutation(
        "who may introspect",
        f"{_GATEWAY}/flows/introspection.py",
        "if not client.credentials.are_confidential:",
        "if False:",
        "tests/mcp_gateway/test_introspection.py::test_a_public_client_may_not_ask",
    ),
    Mutation(
        "whose tokens a client may introspect",
        f"{_GATEWAY}/flows/introspection.py",
        "if not client.may_introspect_access_tokens_of(token.client_id):",
        "if False:",
        "tests/mcp_gateway/test_introspection.py::test_a_client_that_nobody_configured_learns_of_its_own_tokens_alone",
    ),
    Mutation(
        "that a provider's token was handed on here",
        f"{_GATEWAY}/flows/passthrough.py",
        "if await self.provider_tokens.validate(access_token) != known.subject:",
        "if False:",
        "tests/mcp_gateway/test_passthrough.py::test_the_auth_server_is_asked_every_ten_seconds_and_not_for_every_call",
    ),
    Mutation(
        "whose codes are exchanged for their gateway alone",
        f"{_AUTH}/flows/exchange.py",
        "self.gateways.check_exchange(caller, gateway_uri)",
        "pass",
        "tests/auth_server/test_gateway_authentication.py::"
        "test_a_code_of_a_gateway_with_credentials_is_for_nobody_who_lacks_them_and_not_spent_by_their_attempt[nothing]",
    ),
    Mutation(
        "that a gateway gets no code of another one",
        f"{_AUTH}/domain/gateways.py",
        "if owner is caller:",
        "if caller is not None:",
        "tests/auth_server/test_gateway_authentication.py::test_a_code_of_one_gateway_is_not_another_ones",
    ),
    Mutation(
        "that a gateway authenticates where all have to",
        f"{_AUTH}/domain/gateways.py",
        "if caller is None and self.are_all:",
        "if False:",
        "tests/auth_server/test_gateway_authentication.py::"
        "test_where_every_uri_is_some_gateways_own_everybody_has_to_authenticate[/refresh]",
    ),
    Mutation(
        "that a gateway's wrong credentials are refused",
        f"{_AUTH}/endpoints/callers.py",
        "self.authentication.gateways.check(await self.identify(request, params))",
        "pass",
        "tests/auth_server/test_gateway_authentication.py::"
        "test_who_presents_wrong_credentials_gets_nothing_and_the_provider_is_not_asked[/refresh]",
    ),
    Mutation(
        "that a gateway's credentials are in no URL",
        f"{_AUTH}/flows/gateway_authentication.py",
        "if any(query.get(name) for name in _PROOFS):",
        "if False:",
        "tests/auth_server/test_gateway_authentication.py::test_credentials_in_a_url_are_refused[True-client_secret]",
    ),
    Mutation(
        "that no URI is two gateways' own",
        f"{_AUTH}/settings/gateways.py",
        "yield from _shared_uris(gateways, strict=strict)",
        "yield from ()",
        "tests/auth_server/test_auth_server_settings.py::test_wildcards_of_two_gateways_may_not_meet",
    ),
    Mutation(
        "the provider of a gateway code",
        f"{_AUTH}/domain/sign_ins.py",
        "if provider not in {None, self.sign_in.provider}:",
        "if False:",
        "tests/auth_server/test_gateway_authentication.py::test_a_code_is_for_the_provider_that_the_exchange_names",
    ),
    Mutation(
        "that a remembered provider is one to choose from",
        f"{_AUTH}/flows/sign_in.py",
        "if remembered in names and",
        "if remembered and",
        "tests/auth_server/test_provider_choice.py::test_a_forged_cookie_is_no_choice[okta]",
    ),
    Mutation(
        "that a choice is made on our own page",
        f"{_AUTH}/endpoints/sign_in.py",
        "and is_same_site(request)",
        "",
        "tests/auth_server/test_provider_choice.py::"
        "test_what_another_site_has_a_browser_ask_for_is_not_remembered[cross-site-False]",
    ),
    Mutation(
        "where a choice is forgotten from",
        f"{_AUTH}/endpoints/provider_choice.py",
        "check_same_site(request)",
        "pass",
        "tests/auth_server/test_provider_choice.py::test_another_site_cannot_have_it_forgotten",
    ),
    Mutation(
        "that a gateway_uri adds nothing of an answer",
        f"{_AUTH}/domain/gateway_uris.py",
        "if has_answer_parameters(uri.query):",
        "if False:",
        "tests/auth_server/test_gateway_uris.py::"
        "test_a_wildcard_stands_for_nothing_more[code in the query, half encoded]",
    ),
    Mutation(
        "dot segments in a URI",
        f"{_COMMON}/uri.py",
        "if _DOT_SEGMENT.search(parts.path) or",
        "if",
        "tests/auth_server/test_gateway_uris.py::test_a_wildcard_stands_for_nothing_more[out by dot segments]",
    ),
    Mutation(
        "separators hidden in a URI",
        f"{_COMMON}/uri.py",
        "if _HIDDEN_SEPARATOR.search(parts.path):",
        "if False:",
        "tests/auth_server/test_gateway_uris.py::test_a_wildcard_stands_for_nothing_more[out by an encoded slash]",
    ),
    Mutation(
        "the port of a gateway_uri",
        f"{_AUTH}/domain/gateway_uris.py",
        "if not self.any_port and uri.port != base.port:",
        "if False:",
        "tests/auth_server/test_gateway_uris.py::test_a_wildcard_stands_for_nothing_more[other port below every path]",
    ),
    Mutation(
        "the limit of an address at the auth server",
        f"{_AUTH}/composition/routes.py",
        "return limited_by_address(endpoint, limit.spend) if limit else endpoint",
        "return endpoint",
        "tests/auth_server/test_backend_limits.py::"
        "test_what_comes_too_often_from_one_address_is_told_when_to_come_again[login-GET-/login]",
    ),
    Mutation(
        "the limit of a gateway",
        f"{_AUTH}/endpoints/callers.py",
        "if gateway and self.spend:",
        "if False:",
        "tests/auth_server/test_backend_limits.py::"
        "test_a_gateway_that_authenticates_is_counted_by_its_name_wherever_it_calls_from",
    ),
    Mutation(
        "whose scripts may call the auth server",
        f"{_AUTH}/composition/routes.py",
        "allow_origins=list(origins),",
        'allow_origins=["*"],',
        "tests/auth_server/test_backend_limits.py::"
        "test_no_page_may_call_that_is_not_listed[another-/gateway-oauth/exchange]",
    ),
    Mutation(
        "the tenant of an access token that is asked about",
        f"{_AUTH}/providers/entra.py",
        "if tenant is None or (allowed and tenant not in allowed):",
        "if False:",
        "tests/auth_server/test_entra.py::test_an_access_token_is_good_here_for_people_of_the_configured_tenants_alone"
        f"[common-settings3-{_OTHER_TENANT}-False]",
    ),
    Mutation(
        "several replicas that share nothing",
        f"{_COMMON}/config/checks.py",
        'if replicas > 1 and redis_url.reveal().startswith("memory://"):',
        "if False:",
        "tests/auth_server/test_auth_server_settings.py::"
        "test_several_replicas_without_a_store_that_they_share_are_refused_in_development_too",
    ),
    Mutation(
        "a secret in place of the path to it",
        f"{_COMMON}/config/substitution.py",
        "if _PATH.fullmatch(path) else",
        "if path else",
        "tests/common/test_substitution.py::test_a_secret_in_place_of_the_path_to_it_is_not_repeated[a password]",
    ),
    Mutation(
        "metrics that are not public",
        f"{_COMMON}/http/assembly.py",
        "*(metrics_routes(around) if around.public_metrics else ())",
        "*metrics_routes(around)",
        "tests/common/test_assembly.py::"
        "test_metrics_that_are_not_public_answer_at_the_management_port_alone[http://mcp.test:8090/metrics-404]",
    ),
    Mutation(
        "a value that can be taken once, after a lost reply",
        f"{_COMMON}/records/redis_store.py",
        "await self.commands.once(lambda client: client.getdel(key), key)",
        "await self.commands.repeatable(lambda client: client.getdel(key), key)",
        "tests/common/test_store_failures.py::"
        "test_a_take_whose_reply_is_lost_is_unavailable_and_never_looks_like_a_second_use[single]",
    ),
    Mutation(
        "a command that must not run twice",
        f"{_COMMON}/records/commands.py",
        "return await self._reply(command, key, self.deadline, _did_not_run)",
        "return await self._reply(command, key, self.deadline, _may_run_again)",
        "tests/common/test_commands.py::"
        "test_a_command_that_must_not_run_twice_is_not_sent_again_where_it_may_have_run[connection lost]",
    ),
    Mutation(
        "TLS without a check of certificates",
        f"{_COMMON}/records/store_url.py",
        "if name not in known:",
        "if False:",
        "tests/common/test_store_url.py::"
        "test_what_is_no_url_of_a_store_is_explained_and_not_repeated[certificates not checked]",
    ),
    Mutation(
        "a password that is refused with its URL",
        f"{_COMMON}/records/store_url.py",
        "f\"it has a parameter that is none of {', '.join(known)}\"",
        "f\"it has a parameter that is none of {', '.join(known)}: {name}\"",
        "tests/common/test_store_url.py::"
        "test_what_is_no_url_of_a_store_is_explained_and_not_repeated[a secret in place of an option]",
    ),
]

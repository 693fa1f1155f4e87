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
        "that an address is verified",
        f"{_GATEWAY}/domain/people.py",
        "return email if is_verified and isinstance(email, str) and _ADDRESS.fullmatch(email) else None",
        "return email",
        "tests/mcp_gateway/test_people.py::test_any_other_address_is_nobodys[the word is missing]",
    ),
    Mutation(
        "groups that are not all named",
        f"{_GATEWAY}/domain/people.py",
        'if user.get("groups_overage") or not isinstance(groups, list):',
        "if not isinstance(groups, list):",
        "tests/mcp_gateway/test_people.py::test_groups_are_those_that_the_provider_names_if_it_names_all[some of more]",
    ),
    Mutation(
        "an address that a tenant vouches for itself",
        f"{_AUTH}/providers/entra.py",
        'return self._without_overage({n: v for n, v in claims.items() if n != "email_verified"} | verified)',
        "return self._without_overage(claims | verified)",
        "tests/auth_server/test_entra.py::test_an_address_is_verified_where_the_owner_of_its_domain_vouches_for_it"
        "[a claim that some administrator mapped]",
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
        "if (n in names or n.startswith(_REQUEST_PREFIX)) and",
        "if",
        f"{_TESTS}::test_no_credential_or_claimed_identity_of_the_client_reaches_the_mcp_server",
    ),
    Mutation(
        "that a client's credentials are not passed on",
        f"{_GATEWAY}/domain/header_names.py",
        "if folded(name) in _CREDENTIALS:",
        "if False:",
        "tests/mcp_gateway/test_credential_settings.py::"
        "test_no_header_is_passed_on_in_which_a_client_says_who_it_is[authorization]",
    ),
    Mutation(
        "that no header is passed on that says who somebody is",
        f"{_GATEWAY}/domain/header_names.py",
        "    if _WHO_IT_IS.fullmatch(same):",
        "    if False:",
        "tests/mcp_gateway/test_credential_settings.py::"
        "test_no_header_is_passed_on_in_which_a_client_says_who_it_is[Remote-User]",
    ),
    Mutation(
        "that _ is - to careless readers",
        f"{_GATEWAY}/domain/header_names.py",
        'return name.lower().replace("_", "-")',
        "return name.lower()",
        "tests/mcp_gateway/test_credential_settings.py::"
        "test_no_header_is_passed_on_in_which_a_client_says_who_it_is[X_Forwarded_User]",
    ),
    Mutation(
        "that no header is added that is of HTTP",
        f"{_GATEWAY}/domain/header_names.py",
        "if same in _OF_THE_MESSAGE:",
        "if False:",
        "tests/mcp_gateway/test_credential_settings.py::"
        "test_the_gateway_adds_no_header_that_means_something_else[Transfer-Encoding]",
    ),
    Mutation(
        "that an assertion has a header of its own",
        f"{_GATEWAY}/domain/header_names.py",
        'if folded(name) in _TAKEN or folded(name) == "cookie":',
        "if False:",
        "tests/mcp_gateway/test_credential_settings.py::"
        "test_what_cannot_work_is_named_with_its_key[an assertion in x_forwarded_email]",
    ),
    Mutation(
        "that a fixed value ends where it seems to",
        f"{_GATEWAY}/settings/credentials.py",
        "is_one = _VALUE.fullmatch(value.reveal())",
        "is_one = True",
        "tests/mcp_gateway/test_credential_settings.py::test_a_value_is_one_that_a_header_can_hold[a\\r\\nX-Root: 1]",
    ),
    Mutation(
        "that a header has one source",
        f"{_GATEWAY}/settings/credentials.py",
        "if problem := forwarded_problem(name) or (",
        "if problem := forwarded_problem(name) or None and (",
        "tests/mcp_gateway/test_credential_settings.py::test_a_header_has_one_source[the client's beside ours]",
    ),
    Mutation(
        "that an assertion is not for this gateway",
        f"{_GATEWAY}/settings/credentials.py",
        'f"{server.identity.audience}/".startswith(f"{self.public_url}/"):',
        "False:",
        "tests/mcp_gateway/test_credential_settings.py::"
        "test_what_cannot_work_is_named_with_its_key[an audience that is our own resource]",
    ),
    Mutation(
        "that the client's own token does not go upstream",
        f"{_GATEWAY}/settings/credentials.py",
        "if way == PROVIDER_TOKEN and self.hands_on:",
        "if False:",
        "tests/mcp_gateway/test_credential_settings.py::"
        "test_what_cannot_work_is_named_with_its_key[the client's own token]",
    ),
    Mutation(
        "that a provider is named whose tokens go upstream",
        f"{_GATEWAY}/settings/credentials.py",
        "if not provider and not self.provider:",
        "if False:",
        "tests/mcp_gateway/test_credential_settings.py::"
        "test_what_cannot_work_is_named_with_its_key[any provider's token]",
    ),
    Mutation(
        "that a claim ends no header",
        f"{_GATEWAY}/domain/header_values.py",
        "encoded = quote(text, safe=safe)",
        "encoded = text",
        "tests/mcp_gateway/test_identity.py::"
        "test_a_name_that_a_header_cannot_hold_is_encoded_and_read_back_as_it_was[a line break]",
    ),
    Mutation(
        "that a group's comma makes no second group",
        f"{_GATEWAY}/domain/header_values.py",
        '_PRINTABLE.replace(",", "")',
        "_PRINTABLE",
        "tests/mcp_gateway/test_identity.py::"
        "test_a_name_that_a_header_cannot_hold_is_encoded_and_read_back_as_it_was[other letters and a comma]",
    ),
    Mutation(
        "that what looks encoded is encoded",
        f"{_GATEWAY}/domain/header_values.py",
        ' if chr(code) != "%"',
        "",
        "tests/mcp_gateway/test_identity.py::"
        "test_a_name_that_a_header_cannot_hold_is_encoded_and_read_back_as_it_was[what looks encoded]",
    ),
    Mutation(
        "groups that no header would hold",
        f"{_GATEWAY}/domain/people.py",
        "if groups and len(header_list(groups)) > _LONGEST_LIST:",
        "if False:",
        "tests/mcp_gateway/test_identity.py::test_groups_that_no_header_would_hold_are_said_to_be_more",
    ),
    Mutation(
        "the assertion's type",
        f"{_GATEWAY}/tokens/caller_assertions.py",
        'TYPE = "caller-assertion+jwt"',
        'TYPE = "at+jwt"',
        "tests/mcp_gateway/test_identity.py::test_an_assertion_says_who_calls_for_which_client_and_for_whom",
    ),
    Mutation(
        "the assertion's audience",
        f"{_GATEWAY}/tokens/caller_assertions.py",
        '"aud": self.audience,',
        '"aud": token.resource,',
        "tests/mcp_gateway/test_identity.py::test_an_assertion_says_who_calls_for_which_client_and_for_whom",
    ),
    Mutation(
        "that an assertion is signed anew",
        f"{_GATEWAY}/proxy/credentials.py",
        "return kept[0] if kept and now < kept[1] else None",
        "return kept[0] if kept else None",
        "tests/mcp_gateway/test_identity.py::test_it_is_signed_once_for_the_calls_of_half_its_life",
    ),
    Mutation(
        "that a token ends where it seems to",
        f"{_GATEWAY}/proxy/bearer_tokens.py",
        "if not _TOKEN.fullmatch(token.value.reveal()):",
        "if False:",
        "tests/mcp_gateway/test_provider_token.py::"
        "test_a_token_that_would_not_end_where_it_seems_to_is_not_sent[two words]",
    ),
    Mutation(
        "that a server that takes no token uses none up",
        f"{_GATEWAY}/proxy/bearer_tokens.py",
        "if opened.replaced_at and now < opened.replaced_at + _REPLACED_ONCE_IN:",
        "if False:",
        "tests/mcp_gateway/test_provider_token.py::"
        "test_an_mcp_server_that_takes_no_token_signs_nobody_out_and_uses_none_up",
    ),
    Mutation(
        "that who is denied is not asked for at every call",
        f"{_GATEWAY}/proxy/bearer_tokens.py",
        "if denied := self._denied.find(caller, self.now()):",
        "if denied := None:",
        "tests/mcp_gateway/test_exchanged_tokens.py::"
        "test_who_the_provider_gives_none_is_denied_and_not_asked_to_sign_in",
    ),
    Mutation(
        "an upstream's challenge",
        f"{_GATEWAY}/proxy/statuses.py",
        "    if status == 401:",
        "    if False:",
        "tests/mcp_gateway/test_proxy.py::"
        "test_what_an_answer_may_not_tell_the_client_is_a_bad_gateway[a challenge of its own]",
    ),
    Mutation(
        "whose provider's token goes upstream",
        f"{_GATEWAY}/flows/provider_access.py",
        "if grant.require_sign_in().provider != self.provider:",
        "if False:",
        "tests/mcp_gateway/test_provider_token.py::"
        "test_people_of_another_provider_are_not_let_in_and_their_token_stays_here",
    ),
    Mutation(
        "the end of a sign-in that cannot be renewed",
        f"{_GATEWAY}/flows/provider_access.py",
        "await self.grants.end(grant.grant_id, reason)",
        "pass",
        "tests/mcp_gateway/test_provider_token.py::test_a_token_that_ended_and_cannot_be_renewed_ends_the_sign_in",
    ),
    Mutation(
        "that the provider accepts a token that nobody takes",
        f"{_GATEWAY}/flows/provider_access.py",
        "if not await self._is_accepted(current):",
        "if False:",
        "tests/mcp_gateway/test_provider_token.py::"
        "test_without_a_way_to_renew_it_the_provider_says_whose_fault_it_is[nor does the provider accept it]",
    ),
    Mutation(
        "that a renewal outlives the caller who began it",
        f"{_GATEWAY}/flows/provider_check.py",
        "with anyio.fail_after(_LONGEST, shield=True):",
        "with anyio.fail_after(_LONGEST):",
        "tests/mcp_gateway/test_provider_token.py::test_a_caller_who_leaves_while_it_is_renewed_keeps_nobody_waiting",
    ),
    Mutation(
        "that a token is replaced by a newer one",
        f"{_GATEWAY}/flows/provider_check.py",
        "return await self._settled(await self._current(grant.grant_id), due)",
        "return await self._settled(grant, due)",
        "tests/mcp_gateway/test_provider_token.py::"
        "test_an_mcp_server_that_takes_no_token_signs_nobody_out_and_uses_none_up",
    ),
    Mutation(
        "whose exchanged token it is",
        f"{_GATEWAY}/flows/exchanged_tokens.py",
        "return repr((grant.grant_id, self.server, self.provider_tokens.provider, sorted(self.target.form().items())))",
        "return repr((self.server, sorted(self.target.form().items())))",
        "tests/mcp_gateway/test_exchanged_tokens.py::test_two_people_and_two_servers_have_tokens_of_their_own",
    ),
    Mutation(
        "what an exchanged token is for",
        f"{_GATEWAY}/flows/exchanged_tokens.py",
        "return repr((grant.grant_id, self.server, self.provider_tokens.provider, sorted(self.target.form().items())))",
        "return repr((grant.grant_id, self.server))",
        "tests/mcp_gateway/test_exchanged_tokens.py::"
        "test_a_changed_configuration_does_not_use_what_was_exchanged_before",
    ),
    Mutation(
        "that a refused token is not found again",
        f"{_GATEWAY}/flows/exchanged_tokens.py",
        "if kept and kept.value != refused and self.now() < kept.good_until:",
        "if kept and self.now() < kept.good_until:",
        "tests/mcp_gateway/test_exchanged_tokens.py::test_a_token_that_the_mcp_server_refuses_is_exchanged_once_more",
    ),
    Mutation(
        "that who has tokens exchanged authenticates",
        f"{_AUTH}/flows/token_exchange.py",
        "if caller is None:",
        "if caller is None and False:",
        "tests/auth_server/test_token_exchange.py::test_who_does_not_authenticate_gets_none[nobody]",
    ),
    Mutation(
        "the services of a gateway",
        f"{_AUTH}/domain/gateways.py",
        "if not services or not self.exchanges.get(provider, frozenset()).issuperset(services):",
        "if not services:",
        "tests/auth_server/test_token_exchange.py::"
        "test_what_is_not_listed_for_a_gateway_is_not_asked_for[one listed and one not]",
    ),
    Mutation(
        "that a token exchange names a service",
        f"{_AUTH}/domain/gateways.py",
        "if not services or not self.exchanges.get(provider, frozenset()).issuperset(services):",
        "if not self.exchanges.get(provider, frozenset()).issuperset(services):",
        "tests/auth_server/test_token_exchange.py::test_what_is_not_listed_for_a_gateway_is_not_asked_for[nothing]",
    ),
    Mutation(
        "that what was issued is an access token",
        f"{_AUTH}/providers/token_exchange.py",
        'if body.get("issued_token_type", ACCESS_TOKEN_TYPE) not in _ISSUED:',
        "if False:",
        "tests/auth_server/test_token_exchange.py::test_only_a_bearer_access_token_is_handed_on[an ID token]",
    ),
    Mutation(
        "that an exchanged token is a bearer token",
        f"{_COMMON}/exchange.py",
        'if (_text(body, "token_type") or "").lower() != "bearer":',
        "if False:",
        "tests/auth_server/test_token_exchange.py::"
        "test_only_a_bearer_access_token_is_handed_on[a token that is bound to a key]",
    ),
    Mutation(
        "how Entra knows a service",
        f"{_AUTH}/providers/entra.py",
        "if target.audience or target.resource or not target.scope:",
        "if False:",
        "tests/auth_server/test_token_exchange.py::test_entra_is_not_asked_for_what_it_would_not_understand[named1]",
    ),
    Mutation(
        "the tenant whose endpoint exchanges",
        f"{_AUTH}/providers/entra.py",
        "if configured not in _STANDS_FOR or tenant is None or not GUID.fullmatch(tenant):",
        "if configured not in _STANDS_FOR or tenant is None:",
        "tests/auth_server/test_token_exchange.py::"
        "test_at_an_issuer_of_many_tenants_the_tokens_own_is_asked[../../evil]",
    ),
    Mutation(
        "a resource that Keycloak would overlook",
        f"{_AUTH}/providers/keycloak.py",
        "if target.resource:",
        "if False:",
        "tests/auth_server/test_token_exchange.py::test_keycloak_is_not_asked_for_a_resource_that_it_would_overlook",
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
        "tests/mcp_gateway/test_browser_clients.py::"
        "test_what_believes_cookies_is_closed_to_scripts_also_of_those_who_may_call[/oauth/consent]",
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
        "asked_about = due(current)",
        "asked_about = current.sign_in",
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
        "the type of an identity assertion",
        f"{_GATEWAY}/domain/identity_assertions.py",
        'if str(header.get("typ", "")).lower() not in _TYPES:',
        "if False:",
        "tests/mcp_gateway/test_identity_assertions.py::"
        "test_nothing_else_that_the_issuer_signs_is_taken_for_it[an access token]",
    ),
    Mutation(
        "what restricts an identity assertion",
        f"{_GATEWAY}/domain/identity_assertions.py",
        "if name in claims:",
        "if False:",
        "tests/mcp_gateway/test_identity_assertions.py::"
        "test_an_assertion_with_a_wrong_claim_is_refused_with_the_reason[bound to a key]",
    ),
    Mutation(
        "what the subject of an identity assertion is made of",
        f"{_GATEWAY}/domain/identity_assertions.py",
        "if len(subject) > _LONGEST_SUBJECT or not subject.isprintable():",
        "if False:",
        "tests/mcp_gateway/test_identity_assertions.py::"
        "test_an_assertion_with_a_wrong_claim_is_refused_with_the_reason[a subject with another header in it]",
    ),
    Mutation(
        "the audience of an identity assertion",
        f"{_GATEWAY}/domain/identity_assertions.py",
        "if len(self.audience) != 1 or self.audience[0] not in audiences:",
        "if False:",
        "tests/mcp_gateway/test_identity_assertions.py::"
        "test_an_assertion_with_a_wrong_claim_is_refused_with_the_reason[another audience]",
    ),
    Mutation(
        "that an identity assertion has no second audience",
        f"{_GATEWAY}/domain/identity_assertions.py",
        "if len(self.audience) != 1 or",
        "if",
        "tests/mcp_gateway/test_identity_assertions.py::"
        "test_an_assertion_with_a_wrong_claim_is_refused_with_the_reason[a shared audience]",
    ),
    Mutation(
        "the client of an identity assertion",
        f"{_GATEWAY}/domain/identity_assertions.py",
        "if not hmac.compare_digest(self.client_id.encode(), client_id.encode()):",
        "if False:",
        "tests/mcp_gateway/test_identity_assertions.py::"
        "test_an_assertion_with_a_wrong_claim_is_refused_with_the_reason[another client]",
    ),
    Mutation(
        "the end of an identity assertion",
        f"{_GATEWAY}/domain/identity_assertions.py",
        "if self.expires_at <= now - _LEEWAY:",
        "if False:",
        "tests/mcp_gateway/test_identity_assertions.py::"
        "test_an_assertion_with_a_wrong_claim_is_refused_with_the_reason[over long ago]",
    ),
    Mutation(
        "the beginning of an identity assertion",
        f"{_GATEWAY}/domain/identity_assertions.py",
        "if max(self.issued_at, self.begins_at) > now + _LEEWAY:",
        "if False:",
        "tests/mcp_gateway/test_identity_assertions.py::"
        "test_it_is_good_for_its_time_and_an_hour_at_most[iat5-exp5-nbf5-of the future]",
    ),
    Mutation(
        "the life of an identity assertion",
        f"{_GATEWAY}/domain/identity_assertions.py",
        "if self.expires_at - self.issued_at > _LONGEST:",
        "if False:",
        "tests/mcp_gateway/test_identity_assertions.py::"
        "test_it_is_good_for_its_time_and_an_hour_at_most[iat7-exp7-None-longer than an hour]",
    ),
    Mutation(
        "the resource of an identity assertion",
        f"{_GATEWAY}/domain/identity_assertions.py",
        "if server not in meant:",
        "if False:",
        "tests/mcp_gateway/test_asserted_access.py::"
        "test_the_token_is_for_the_one_mcp_server_that_assertion_and_request_agree_on[another than the request names]",
    ),
    Mutation(
        "that an identity assertion says for which MCP server it is",
        f"{_GATEWAY}/domain/identity_assertions.py",
        "if servers.sole() is None:",
        "if False:",
        "tests/mcp_gateway/test_identity_assertions.py::"
        "test_an_assertion_with_a_wrong_claim_is_refused_with_the_reason[no resource, where there are several]",
    ),
    Mutation(
        "the scope of an identity assertion",
        f"{_GATEWAY}/domain/identity_assertions.py",
        "if self.scope is None or scope in self.scope)",
        ")",
        "tests/mcp_gateway/test_asserted_access.py::"
        "test_granted_is_what_assertion_configuration_and_request_have_in_common[less asserted]",
    ),
    Mutation(
        "what an issuer may grant",
        f"{_GATEWAY}/domain/identity_assertions.py",
        "if not available:",
        "if False:",
        "tests/mcp_gateway/test_asserted_access.py::"
        "test_granted_is_what_assertion_configuration_and_request_have_in_common[what the issuer may not grant]",
    ),
    Mutation(
        "whose addresses an issuer may speak for",
        f"{_GATEWAY}/domain/identity_assertions.py",
        "if self.issuer.email_domains:",
        "if False:",
        "tests/mcp_gateway/test_grants_without_sign_in.py::"
        "test_an_address_counts_where_the_issuer_may_speak_for_its_domain[of another domain]",
    ),
    Mutation(
        "the case of an address beyond ASCII",
        f"{_GATEWAY}/domain/identity_assertions.py",
        "if not isinstance(address, str) or not address.isascii():",
        "if not isinstance(address, str):",
        "tests/mcp_gateway/test_grants_without_sign_in.py::"
        "test_an_address_counts_where_the_issuer_may_speak_for_its_domain[of a domain in capitals of a kind]",
    ),
    Mutation(
        "who presents the assertions of an issuer",
        f"{_GATEWAY}/flows/identity_assertions.py",
        "if issuer is None or client_id not in issuer.clients:",
        "if issuer is None:",
        "tests/mcp_gateway/test_identity_assertions.py::"
        "test_an_assertion_with_a_wrong_claim_is_refused_with_the_reason[an issuer of other clients]",
    ),
    Mutation(
        "the tenant of an issuer",
        f"{_GATEWAY}/flows/identity_assertions.py",
        'claims.get("tenant", "")',
        '""',
        "tests/mcp_gateway/test_identity_assertions.py::"
        "test_an_assertion_with_a_wrong_claim_is_refused_with_the_reason[a tenant of an issuer that has none]",
    ),
    Mutation(
        "that an identity assertion is used once",
        f"{_GATEWAY}/flows/identity_assertions.py",
        "if await self.used.claim(key, UsedIdentityAssertion(), lifetime) is not None:",
        "if False:",
        "tests/mcp_gateway/test_asserted_access.py::test_an_assertion_is_good_once_at_whichever_replica",
    ),
    Mutation(
        "who signed an identity assertion",
        f"{_COMMON}/clients/signed_jwts.py",
        'raise InvalidJWT("its signature, or its form, is not valid") from failure',
        "return SignedJWT(jws.extract_compact(token.encode()).headers(), unverified_claims(token))",
        "tests/mcp_gateway/test_identity_assertions.py::"
        "test_an_assertion_that_its_issuer_did_not_sign_is_refused[another key of the same name]",
    ),
    Mutation(
        "whose metadata names the keys of an issuer",
        f"{_GATEWAY}/issuers/published_keys.py",
        'if metadata.get("issuer") != issuer:',
        "if False:",
        "tests/mcp_gateway/test_issuer_keys.py::"
        "test_metadata_that_is_not_the_issuers_own_leads_nowhere[of another issuer]",
    ),
    Mutation(
        "that the keys of an issuer come by https",
        f"{_GATEWAY}/issuers/published_keys.py",
        'if issuer.startswith("https://") and uri.scheme != "https":',
        "if False:",
        "tests/mcp_gateway/test_issuer_keys.py::"
        "test_metadata_that_is_not_the_issuers_own_leads_nowhere[with keys that anybody could replace on the way]",
    ),
    Mutation(
        "the MCP servers that a client may call by itself",
        f"{_GATEWAY}/grant_types/client_credentials.py",
        "if not allowed:",
        "if False:",
        "tests/mcp_gateway/test_client_credentials.py::"
        "test_what_was_not_written_down_is_refused[a server that was not written down]",
    ),
    Mutation(
        "the scopes that a client may have by itself",
        f"{_GATEWAY}/domain/allowances.py",
        "if scope in allowed)",
        ")",
        "tests/mcp_gateway/test_client_credentials.py::"
        "test_what_was_not_written_down_is_refused[a scope that was not written down]",
    ),
    Mutation(
        "that the subject of a client is no person's",
        f"{_GATEWAY}/domain/clients.py",
        'return f"{CLIENT}:{self.client_id}"',
        "return self.client_id",
        "tests/mcp_gateway/test_client_credentials.py::"
        "test_the_mcp_server_is_told_that_it_is_a_client_and_not_a_person",
    ),
    Mutation(
        "that no provider's name is that of clients",
        f"{_COMMON}/exchange.py",
        "if not PROVIDER_NAME.fullmatch(provider):",
        "if False:",
        "tests/common/test_exchange.py::"
        "test_an_answer_that_is_not_an_exchange_is_refused_by_its_member[no person's name]",
    ),
    Mutation(
        "that who registers gets no grant type of machines",
        f"{_GATEWAY}/domain/client_metadata.py",
        "return tuple(grant_type for grant_type in GRANT_TYPES if grant_type in asked)",
        "return tuple(asked)",
        "tests/mcp_gateway/test_client_credentials.py::test_who_registers_gets_neither_grant_type[client_credentials]",
    ),
    Mutation(
        "that clients without a browser authenticate",
        f"{_GATEWAY}/settings/clients.py",
        "if grant_type in _WITHOUT_BROWSER and self.token_endpoint_auth_method == NONE:",
        "if False:",
        "tests/mcp_gateway/test_settings_without_browser.py::test_what_is_wrong_is_named_with_its_key[a public client]",
    ),
    Mutation(
        "that a grant without a sign-in ends with its token",
        f"{_GATEWAY}/flows/grants.py",
        "return grant.ends_at or grant.opened_at + self.open_grants.ttl",
        "return grant.opened_at + self.open_grants.ttl",
        "tests/mcp_gateway/test_grants_without_sign_in.py::"
        "test_a_grant_is_there_for_as_long_as_its_token_and_not_much_longer[by_itself]",
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

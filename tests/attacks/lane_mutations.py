"""The checks of the lane, each with the change that takes it away and the test that must then fail."""

from tests.attacks.mutations import Mutation

_GATEWAY = "services/mcp_gateway/src/mcp_gateway"
_TESTS = "tests/mcp_gateway/test_lane.py"
_CONNECTIONS = "tests/mcp_gateway/test_lane_connections.py"
_HEADS = "tests/mcp_gateway/upstream_http/test_repeated_heads.py"

LANE_MUTATIONS = [
    Mutation(
        "which MCP server a token passes to",
        f"{_GATEWAY}/proxy/admission.py",
        "if now >= token.good_until or token.resource != server.resource:",
        "if now >= token.good_until:",
        f"{_TESTS}::test_a_token_for_one_mcp_server_passes_to_no_other",
    ),
    Mutation(
        "until when a token passes",
        f"{_GATEWAY}/proxy/admission.py",
        "if caller is None or not asked_at <= now < asked_at + _EPOCH_KEPT:",
        "if caller is None:",
        f"{_TESTS}::test_after_a_second_somebody_asks_whether_a_grant_has_ended",
    ),
    Mutation(
        "with which scopes a token passes",
        f"{_GATEWAY}/proxy/admission.py",
        "return caller if token.scope.issuperset(server.required_scopes) else None",
        "return caller",
        f"{_TESTS}::test_a_token_that_lacks_a_scope_does_not_pass_however_often_it_comes",
    ),
    Mutation(
        "by which host a call passes",
        f"{_GATEWAY}/lane/asked.py",
        "or fields.get(_HOST) not in hosts or",
        "or",
        f"{_TESTS}::test_what_is_unusual_is_looked_at_by_the_application[another host]",
    ),
    Mutation(
        "whose pages pass",
        f"{_GATEWAY}/lane/asked.py",
        "if fields.keys() & _UNUSUAL or",
        "if",
        f"{_TESTS}::test_what_is_unusual_is_looked_at_by_the_application[a strange page's origin]",
    ),
    Mutation(
        "that a call which says things twice does not pass",
        f"{_GATEWAY}/lane/asked.py",
        "if len(fields) != len(headers):",
        "if False:",
        f"{_TESTS}::test_a_request_that_says_things_twice_is_looked_at_too[two hosts]",
    ),
    Mutation(
        "that whoever leaves the line leaves the connection to others",
        f"{_GATEWAY}/lane/call.py",
        "self.passage.route.pool.give_up(self._place)",
        "pass",
        f"{_TESTS}::test_whoever_leaves_while_waiting_for_a_connection_leaves_it_to_the_others",
    ),
    Mutation(
        "that trailers are no headers",
        "packages/common/src/authproxy_common/http/protocol.py",
        "if not self.is_head_read:",
        "if True:",
        "tests/common/test_framing.py::test_what_comes_behind_a_body_is_no_header[at once]",
    ),
    Mutation(
        "that trailers are no headers in the lane",
        f"{_GATEWAY}/lane/protocol.py",
        "self._message, self.is_head_read = bytearray(), True",
        "self._message = bytearray()",
        "tests/mcp_gateway/test_lane_connections.py::test_a_token_behind_a_body_lets_nobody_pass",
    ),
    Mutation(
        "that what strangers send is not kept",
        f"{_GATEWAY}/lane/lane.py",
        "if self.admission.remembered(route.upstream.server, what.key) is None:",
        "if False:",
        f"{_TESTS}::test_what_strangers_ask_is_not_kept",
    ),
    Mutation(
        "that a repeated head is a whole message's",
        f"{_GATEWAY}/proxy/upstream_http/repeated_heads.py",
        'return body if message[start:end] == b"%d" % len(body) else None',
        "return body",
        f"{_HEADS}::test_what_is_taken_for_a_repetition_is_one[request]",
    ),
    Mutation(
        "that a repeated head is the same behind its length too",
        f"{_GATEWAY}/proxy/upstream_http/repeated_heads.py",
        "if not message.startswith(after, end):",
        "if False:",
        f"{_HEADS}::test_what_is_taken_for_a_repetition_is_one[answer]",
    ),
    Mutation(
        "that a head is learnt only with the length that was read",
        f"{_GATEWAY}/proxy/upstream_http/repeated_heads.py",
        'if found is None or found[1] != b"%d" % length or head.find(_END) != len(head) - len(_END):',
        "if found is None or head.find(_END) != len(head) - len(_END):",
        f"{_HEADS}::test_what_is_not_one_head_with_its_length_is_not_learnt[a length that is spelt otherwise]",
    ),
    Mutation(
        "that one head alone is learnt",
        f"{_GATEWAY}/proxy/upstream_http/repeated_heads.py",
        'if found is None or found[1] != b"%d" % length or head.find(_END) != len(head) - len(_END):',
        'if found is None or found[1] != b"%d" % length:',
        f"{_HEADS}::test_what_is_not_one_head_with_its_length_is_not_learnt[an answer in front of it]",
    ),
    Mutation(
        "that a call which repeats a head waits for its turn",
        f"{_GATEWAY}/lane/protocol.py",
        "if self._repeated is None or message is None or not self._is_free:",
        "if self._repeated is None or message is None:",
        f"{_TESTS}::test_a_repeated_call_waits_until_the_one_before_is_answered",
    ),
    Mutation(
        "that the application gets a repeated call as it is, and not as the one that was parsed last",
        f"{_GATEWAY}/lane/protocol.py",
        "if self._unread is None:",
        "if True:",
        f"{_CONNECTIONS}::test_a_repeated_call_that_the_application_takes_over_is_the_call_that_it_was"
        "[with another method]",
    ),
    Mutation(
        "that an answer in the lane ends once, and lets one of those behind it begin",
        f"{_GATEWAY}/lane/call.py",
        "if self.response_complete or self.is_complete:",
        "if self.response_complete:",
        f"{_CONNECTIONS}::test_a_whole_answer_ends_once_so_that_those_behind_it_keep_their_order"
        "[another one behind it]",
    ),
    Mutation(
        "that answers which nobody reads do not pile up",
        f"{_GATEWAY}/lane/protocol.py",
        "return (under_way is None or under_way.response_complete) and not self.flow.write_paused",
        "return under_way is None or under_way.response_complete",
        f"{_CONNECTIONS}::test_whoever_does_not_read_is_left_to_the_application_which_waits_for_them",
    ),
    Mutation(
        "how long a message may be that passes",
        f"{_GATEWAY}/lane/lane.py",
        "if len(message) > self.longest_message:",
        "if False:",
        f"{_CONNECTIONS}::test_a_message_that_the_application_refuses_as_too_long_does_not_pass"
        "[with a head that is repeated]",
    ),
    Mutation(
        "that a length which means nothing is not learnt",
        f"{_GATEWAY}/proxy/upstream_http/reading.py",
        "if lengths and status not in BODILESS:",
        "if lengths:",
        f"{_HEADS}::test_a_length_that_means_nothing_means_nothing_when_it_is_repeated[uvloop-304 Not Modified]",
    ),
    Mutation(
        "how long a head may be that is kept",
        f"{_GATEWAY}/proxy/upstream_http/repeated_heads.py",
        "if len(message) - length > _LONGEST:",
        "if False:",
        f"{_HEADS}::test_what_is_not_one_head_with_its_length_is_not_learnt[a long head]",
    ),
    Mutation(
        "that lists of tools do not pass unread",
        f"{_GATEWAY}/lane/lane.py",
        "if shown and shown.expected:",
        "if False:",
        f"{_TESTS}::test_tools_that_are_denied_are_denied_and_the_others_pass",
    ),
    Mutation(
        "that streams in the lane are looked at",
        f"{_GATEWAY}/lane/call.py",
        "if self._shown and (events := self._shown.events(headers)):",
        "if False and (events := self._shown.events(headers)):",
        f"{_TESTS}::test_what_is_not_shown_is_not_shown_in_the_lane_either",
    ),
    Mutation(
        "that answers about credentials are not passed on in the lane",
        f"{_GATEWAY}/lane/call.py",
        "check_status(status)",
        "pass",
        f"{_TESTS}::test_an_answer_that_cannot_be_passed_on_is_refused_as_the_application_refuses_it[redirects]",
    ),
]

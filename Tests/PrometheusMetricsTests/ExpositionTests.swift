import PrometheusMetrics
import Testing

@Suite("The text that Prometheus reads")
struct ExpositionTests {
  @Test("A family has its help, its type and its samples, one to a line")
  func family() {
    var exposition = Exposition()
    exposition.family("queue_length", .gauge, "How many wait.")
    exposition.sample(3, [("queue", "a"), ("kind", "b")])
    exposition.sample(0.25)
    #expect(
      exposition.text == """
        # HELP queue_length How many wait.
        # TYPE queue_length gauge
        queue_length{queue="a",kind="b"} 3
        queue_length 0.25

        """)
  }

  @Test("Nothing that a label or a help text holds can begin another line or end the label")
  func escaping() {
    var exposition = Exposition()
    exposition.family("n", .counter, "one\ntwo \\ \"three\"")
    exposition.sample(1, [("label", "a\"} 5\nfake 1 \\")])
    #expect(
      exposition.text == #"""
        # HELP n one\ntwo \\ "three"
        # TYPE n counter
        n{label="a\"} 5\nfake 1 \\"} 1

        """#)
  }

  @Test("Names are made valid, numbers that are none have the format's words")
  func names() {
    var exposition = Exposition()
    exposition.family("1 request.count", .gauge)
    exposition.sample(.infinity, [("a:b-c", "")])
    exposition.sample(-.infinity)
    exposition.sample(.nan)
    exposition.sample(1e300)
    #expect(
      exposition.text == """
        # TYPE _1_request_count gauge
        _1_request_count{a_b_c=""} +Inf
        _1_request_count -Inf
        _1_request_count NaN
        _1_request_count 1e+300

        """)
  }

  @Test("The buckets of a histogram add up")
  func histogram() {
    var exposition = Exposition()
    exposition.family("d_seconds", .histogram)
    exposition.histogram(bounds: [0.5, 1], counts: [2, 0, 3], sum: 9.5, [("m", "x")])
    #expect(
      exposition.text == """
        # TYPE d_seconds histogram
        d_seconds_bucket{m="x",le="0.5"} 2
        d_seconds_bucket{m="x",le="1"} 2
        d_seconds_bucket{m="x",le="+Inf"} 5
        d_seconds_sum{m="x"} 9.5
        d_seconds_count{m="x"} 5

        """)
  }
}

#include <librdkafka/rdkafka.h>
// A cluster in the process, for tests.
#include <librdkafka/rdkafka_mock.h>

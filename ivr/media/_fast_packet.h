/* RTP packets and G.711 as rtp.py and g711.py have them. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define HEADER_SIZE 12
#define MAX_PAYLOAD 1600
#define MAX_SIZE (HEADER_SIZE + MAX_PAYLOAD)
#define VERSION 0x80
#define MARKER 0x80

static uint32_t read_32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_header(unsigned char *packet, long long second, long long sequence, long long timestamp, long long ssrc)
{
    packet[0] = VERSION;
    packet[1] = (unsigned char)second;
    packet[2] = (unsigned char)(sequence >> 8);
    packet[3] = (unsigned char)sequence;
    for (int byte = 0; byte < 4; byte++) {
        packet[4 + byte] = (unsigned char)((unsigned long long)timestamp >> (24 - 8 * byte));
        packet[8 + byte] = (unsigned char)((unsigned long long)ssrc >> (24 - 8 * byte));
    }
}

static unsigned char alaw_to_ulaw[256], ulaw_to_alaw[256];

/* Whether a law's name is that of A-law; -1: it is neither's. */
static int is_alaw(PyObject *law)
{
    if (law == NULL || !PyUnicode_CheckExact(law))
        return -1;
    return PyUnicode_CompareWithASCIIString(law, "PCMA") == 0   ? 1
           : PyUnicode_CompareWithASCIIString(law, "PCMU") == 0 ? 0
                                                                : -1;
}

static void translate(unsigned char *to, const unsigned char *from, Py_ssize_t count, const unsigned char *table)
{
    for (Py_ssize_t at = 0; at < count; at++)
        to[at] = table[from[at]];
}

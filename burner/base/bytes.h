/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bytes.h - byte order, sectors and rounding
 *
 * On-disc numbers are read and written byte by byte (ECMA-119 7.2, 7.3), never through casts.
 */
#ifndef BURNER_BASE_BYTES_H
#define BURNER_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SECTOR_BYTES 2048u
#define SECTOR_SHIFT 11u

static inline uint16_t get_le16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint16_t get_be16(const uint8_t *p) { return (uint16_t)(p[1] | p[0] << 8); }
static inline uint32_t get_le32(const uint8_t *p) { return get_le16(p) | (uint32_t)get_le16(p + 2) << 16; }
static inline uint32_t get_be32(const uint8_t *p) { return get_be16(p + 2) | (uint32_t)get_be16(p) << 16; }
static inline uint64_t get_le64(const uint8_t *p) { return get_le32(p) | (uint64_t)get_le32(p + 4) << 32; }

static inline void put_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}
static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[1] = (uint8_t)v;
	p[0] = (uint8_t)(v >> 8);
}
static inline void put_le32(uint8_t *p, uint32_t v)
{
	put_le16(p, (uint16_t)v);
	put_le16(p + 2, (uint16_t)(v >> 16));
}
static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p + 2, (uint16_t)v);
	put_be16(p, (uint16_t)(v >> 16));
}
static inline void put_le64(uint8_t *p, uint64_t v)
{
	put_le32(p, (uint32_t)v);
	put_le32(p + 4, (uint32_t)(v >> 32));
}
/* ECMA-119 7.2.3 and 7.3.3: both byte orders, little first. */
static inline void put_both16(uint8_t *p, uint16_t v)
{
	put_le16(p, v);
	put_be16(p + 2, v);
}
static inline void put_both32(uint8_t *p, uint32_t v)
{
	put_le32(p, v);
	put_be32(p + 4, v);
}

static inline bool bytes_are_zeros(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* Sectors that hold so many bytes. */
static inline uint64_t sectors_of(uint64_t bytes)
{
	return (bytes >> SECTOR_SHIFT) + ((bytes & (SECTOR_BYTES - 1)) != 0);
}
/* v rounded up to a multiple of unit; the caller knows that it does not overflow. */
static inline uint64_t round_up(uint64_t v, uint64_t unit) { return (v + unit - 1) / unit * unit; }
static inline uint64_t min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }

#endif

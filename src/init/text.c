#include "text.h"

#include <string.h>

void text_add(struct text *text, const char *more) {
  while (*more != '\0' && text->length < sizeof text->chars - 1) text->chars[text->length++] = *more++;
  text->chars[text->length] = '\0';
}

void text_add_number(struct text *text, long number) {
  char digits[24];
  size_t at = sizeof digits - 1;
  digits[at] = '\0';
  do {
    digits[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  text_add(text, digits + at);
}

int64_t text_to_number(const char *digits, int64_t most) {
  int64_t number = 0;
  if (*digits == '\0') return -1;
  for (; *digits != '\0'; digits++) {
    if (*digits < '0' || *digits > '9') return -1;
    number = number * 10 + (*digits - '0');
    if (number > most) return -1;
  }
  return number;
}

// Slow and plain versions, in double or better, of everything that the kernels compute. Nothing
// here shares code with the engine.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "nnhp/base/types.hpp"

namespace nnhp::testing::reference {

struct Matrix {
  Matrix(index_t n_rows, index_t n_columns, double value = 0.0)
      : rows(n_rows), columns(n_columns), cells(static_cast<size_t>(n_rows * n_columns), value) {}
  double& operator()(index_t i, index_t j) { return cells[static_cast<size_t>(i * columns + j)]; }
  double operator()(index_t i, index_t j) const {
    return cells[static_cast<size_t>(i * columns + j)];
  }

  index_t rows, columns;
  std::vector<double> cells;
};

// The matrix of f(a) for every cell a.
template <class F>
Matrix each(Matrix a, F&& f) {
  for (double& cell : a.cells) cell = f(cell);
  return a;
}
// The matrix of f(a, b) for every pair of cells.
template <class F>
Matrix each(Matrix a, const Matrix& b, F&& f) {
  for (size_t i = 0; i < a.cells.size(); ++i) a.cells[i] = f(a.cells[i], b.cells[i]);
  return a;
}
inline Matrix magnitudes(const Matrix& a) {
  return each(a, [](double x) { return std::abs(x); });
}
inline Matrix scaled(const Matrix& a, double factor) {
  return each(a, [=](double x) { return x * factor; });
}
inline Matrix sum(const Matrix& a, const Matrix& b) {
  return each(a, b, [](double x, double y) { return x + y; });
}

inline Matrix transposed(const Matrix& a) {
  Matrix result(a.columns, a.rows);
  for (index_t i = 0; i < a.rows; ++i) {
    for (index_t j = 0; j < a.columns; ++j) result(j, i) = a(i, j);
  }
  return result;
}

inline Matrix product(const Matrix& a, const Matrix& b) {
  Matrix result(a.rows, b.columns);
  for (index_t i = 0; i < a.rows; ++i) {
    for (index_t k = 0; k < a.columns; ++k) {
      const double factor = a(i, k);
      for (index_t j = 0; j < b.columns; ++j) result(i, j) += factor * b(k, j);
    }
  }
  return result;
}

// The rows `chosen` of a.
template <class Indices>
Matrix rows_of(const Matrix& a, const Indices& chosen) {
  Matrix result(static_cast<index_t>(chosen.size()), a.columns);
  for (index_t i = 0; i < result.rows; ++i) {
    for (index_t j = 0; j < a.columns; ++j) result(i, j) = a(chosen[static_cast<size_t>(i)], j);
  }
  return result;
}

// One row repeated.
inline Matrix repeated(const Matrix& row, index_t times) {
  return product(Matrix(times, 1, 1.0), row);
}
inline Matrix column_sums(const Matrix& a) { return product(Matrix(1, a.rows, 1.0), a); }

// Activations of single values by name, with their parameter. `slope` is the derivative at z, where
// the output is y.
struct Activation {
  std::string_view name;
  long double (*value)(long double z, long double parameter);
  double (*slope)(double z, double y, double parameter);
};
inline constexpr std::array<Activation, 13> activations{{
    {"identity", [](long double z, long double) { return z; },
     [](double, double, double) { return 1.0; }},
    {"logistic", [](long double z, long double) { return 1.0L / (1.0L + std::exp(-z)); },
     [](double, double y, double) { return y * (1.0 - y); }},
    {"tanh", [](long double z, long double) { return std::tanh(z); },
     [](double, double y, double) { return 1.0 - y * y; }},
    {"relu", [](long double z, long double) { return z < 0.0L ? 0.0L : z; },
     [](double, double y, double) { return y == 0.0 ? 0.0 : 1.0; }},
    {"silu", [](long double z, long double) { return z / (1.0L + std::exp(-z)); },
     [](double z, double y, double) {
       const double denominator = 1.0 + std::exp(-z);
       return 1.0 / denominator + y * std::exp(-z) / denominator;
     }},
    {"leaky_relu", [](long double z, long double slope) { return z < 0.0L ? slope * z : z; },
     [](double z, double, double slope) { return z > 0.0 ? 1.0 : slope; }},
    {"elu", [](long double z, long double alpha) { return z < 0.0L ? alpha * std::expm1(z) : z; },
     [](double z, double, double alpha) { return z < 0.0 ? alpha * std::exp(z) : 1.0; }},
    {"gelu",
     [](long double z, long double) {
       return 0.5L * z * std::erfc(-z * 0.70710678118654752440084436210485L);
     },
     [](double z, double, double) {
       return 0.5 * std::erfc(-z * 0.70710678118654752) +
              z * 0.39894228040143267794 * std::exp(-0.5 * z * z);
     }},
    {"selu",
     [](long double z, long double) {
       constexpr long double scale = 1.0507009873554804934193349852946L;
       return scale * (z < 0.0L ? 1.6732632423543772848170429916717L * std::expm1(z) : z);
     },
     [](double z, double, double) {
       return 1.0507009873554804934 * (z < 0.0 ? 1.6732632423543772848 * std::exp(z) : 1.0);
     }},
    {"mish", [](long double z, long double) { return z * std::tanh(std::log1p(std::exp(z))); },
     [](double z, double, double) {
       const double t = std::tanh(std::log1p(std::exp(z)));
       return t + z * (1.0 - t * t) / (1.0 + std::exp(-z));
     }},
    {"softplus", [](long double z, long double) { return std::log1p(std::exp(z)); },
     [](double z, double, double) { return 1.0 / (1.0 + std::exp(-z)); }},
    {"hard_sigmoid",
     [](long double z, long double) { return std::fmin(std::fmax((z + 3.0L) / 6.0L, 0.0L), 1.0L); },
     [](double, double y, double) { return y > 0.0 && y < 1.0 ? 1.0 / 6.0 : 0.0; }},
    {"exp", [](long double z, long double) { return std::exp(z); },
     [](double, double y, double) { return y; }},
}};

// Updates of one parameter by name.
struct Coefficients {
  double gradient_scale, l2, l1, learning_rate, momentum, beta_1, beta_2, epsilon;
  double rho = 0.9, moment_share = 0.8, gradient_share = 0.3;
};
struct Parameter {
  double w;
  std::array<double, 3> m{};
};
struct Optimizer {
  std::string_view name;
  void (*step)(Parameter& p, double g, const Coefficients& c);
};
inline double averaged(double share, double mean, double x) {
  return share * mean + (1 - share) * x;
}
inline void rmsprop(Parameter& p, double g, const Coefficients& c, double* mean, double* velocity) {
  p.m[0] = averaged(c.rho, p.m[0], g * g);
  double variance = p.m[0];
  if (mean != nullptr) {
    *mean = averaged(c.rho, *mean, g);
    variance -= *mean * *mean;
  }
  double step = c.learning_rate * g / std::sqrt(variance + c.epsilon);
  if (velocity != nullptr) step = *velocity = c.momentum * *velocity + step;
  p.w -= step;
}
inline void adam_moments(Parameter& p, double g, const Coefficients& c) {
  p.m[0] = averaged(c.beta_1, p.m[0], g);
  p.m[1] = averaged(c.beta_2, p.m[1], g * g);
}
inline constexpr std::array<Optimizer, 13> optimizers{{
    {"sgd", [](Parameter& p, double g, const Coefficients& c) { p.w -= c.learning_rate * g; }},
    {"momentum",
     [](Parameter& p, double g, const Coefficients& c) {
       p.m[0] = c.momentum * p.m[0] - c.learning_rate * g;
       p.w += p.m[0];
     }},
    {"nesterov",
     [](Parameter& p, double g, const Coefficients& c) {
       p.m[0] = c.momentum * p.m[0] - c.learning_rate * g;
       p.w += c.momentum * p.m[0] - c.learning_rate * g;
     }},
    {"rmsprop",
     [](Parameter& p, double g, const Coefficients& c) { rmsprop(p, g, c, nullptr, nullptr); }},
    {"rmsprop_momentum",
     [](Parameter& p, double g, const Coefficients& c) { rmsprop(p, g, c, nullptr, &p.m[1]); }},
    {"rmsprop_centered",
     [](Parameter& p, double g, const Coefficients& c) { rmsprop(p, g, c, &p.m[1], nullptr); }},
    {"rmsprop_centered_momentum",
     [](Parameter& p, double g, const Coefficients& c) { rmsprop(p, g, c, &p.m[1], &p.m[2]); }},
    {"adagrad",
     [](Parameter& p, double g, const Coefficients& c) {
       p.m[0] += g * g;
       p.w -= c.learning_rate * g / std::sqrt(p.m[0] + c.epsilon);
     }},
    {"adadelta",
     [](Parameter& p, double g, const Coefficients& c) {
       p.m[0] = averaged(c.rho, p.m[0], g * g);
       const double delta = std::sqrt(p.m[1] + c.epsilon) / std::sqrt(p.m[0] + c.epsilon) * g;
       p.m[1] = averaged(c.rho, p.m[1], delta * delta);
       p.w -= c.learning_rate * delta;
     }},
    {"adam",
     [](Parameter& p, double g, const Coefficients& c) {
       adam_moments(p, g, c);
       p.w -= c.learning_rate * p.m[0] / (std::sqrt(p.m[1]) + c.epsilon);
     }},
    {"amsgrad",
     [](Parameter& p, double g, const Coefficients& c) {
       adam_moments(p, g, c);
       p.m[2] = std::fmax(p.m[2], p.m[1]);
       p.w -= c.learning_rate * p.m[0] / (std::sqrt(p.m[2]) + c.epsilon);
     }},
    {"nadam",
     [](Parameter& p, double g, const Coefficients& c) {
       adam_moments(p, g, c);
       const double ahead = c.moment_share * p.m[0] + c.gradient_share * g;
       p.w -= c.learning_rate * ahead / (std::sqrt(p.m[1]) + c.epsilon);
     }},
    {"lion",
     [](Parameter& p, double g, const Coefficients& c) {
       const double way = averaged(c.beta_1, p.m[0], g);
       p.m[0] = averaged(c.beta_2, p.m[0], g);
       p.w -= c.learning_rate * (way > 0.0 ? 1.0 : (way < 0.0 ? -1.0 : 0.0));
     }},
}};

// The gradient that an update works with.
inline double penalized(double w, double g, const Coefficients& c) {
  const double sign = w > 0.0 ? 1.0 : (w < 0.0 ? -1.0 : 0.0);
  return (g + c.l2 * w + c.l1 * sign) * c.gradient_scale;
}

// The row of one of the tables above. A row that the engine has and this file lacks is a failure.
template <class Table>
const auto& named(const Table& table, std::string_view name) {
  for (const auto& row : table) {
    if (row.name == name) return row;
  }
  throw std::logic_error("reference.hpp has no '" + std::string(name) + "'");
}

inline Matrix softmax(Matrix z) {
  for (index_t i = 0; i < z.rows; ++i) {
    double top = z(i, 0), total = 0.0;
    for (index_t j = 1; j < z.columns; ++j) top = std::fmax(top, z(i, j));
    for (index_t j = 0; j < z.columns; ++j) total += std::exp(z(i, j) - top);
    for (index_t j = 0; j < z.columns; ++j) z(i, j) = std::exp(z(i, j) - top) / total;
  }
  return z;
}
inline Matrix ascending(Matrix z) {
  for (index_t i = 0; i < z.rows; ++i) {
    for (index_t j = 1; j < z.columns; ++j) z(i, j) = z(i, j - 1) + std::log1p(std::exp(z(i, j)));
  }
  return z;
}
inline Matrix activated(const Matrix& z, std::string_view name, double parameter) {
  if (name == "softmax") return softmax(z);
  if (name == "ascending") return ascending(z);
  const Activation& activation = named(activations, name);
  return each(z, [&](double x) {
    return static_cast<double>(
        activation.value(static_cast<long double>(x), static_cast<long double>(parameter)));
  });
}

// delta by the outputs y of pre-activations z -> delta by z.
inline Matrix through(const Matrix& delta, const Matrix& z, const Matrix& y, std::string_view name,
                      double parameter = 0.0) {
  Matrix result = delta;
  if (name == "softmax") {
    for (index_t i = 0; i < y.rows; ++i) {
      double mean = 0.0;
      for (index_t k = 0; k < y.columns; ++k) mean += delta(i, k) * y(i, k);
      for (index_t j = 0; j < y.columns; ++j) result(i, j) = y(i, j) * (delta(i, j) - mean);
    }
    return result;
  }
  if (name == "ascending") {
    for (index_t i = 0; i < y.rows; ++i) {
      for (index_t j = 0; j < y.columns; ++j) {
        double later = 0.0;
        for (index_t k = j; k < y.columns; ++k) later += delta(i, k);
        result(i, j) = j == 0 ? later : later / (1.0 + std::exp(-z(i, j)));
      }
    }
    return result;
  }
  const auto slope = named(activations, name).slope;
  const auto at = [&](double from, double to) { return slope(from, to, parameter); };
  return each(delta, each(z, y, at), [](double a, double b) { return a * b; });
}

// Philox-4x32 with 10 rounds: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011, section 3.3 and table 2.
inline std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter,
                                      std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0];
    const uint64_t b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

// Whether unit `column` of a row is kept by dropout. 64 neighbouring units share the counters
// (8 b + c, row, step, layer) for c in [0, 8); unit 8 (2 w + half) + c of them is decided by a half
// of word w of counter c.
inline bool kept(uint64_t key, uint64_t step, uint32_t layer, uint32_t row, uint32_t column,
                 uint32_t keep) {
  const uint32_t unit = column % 64, counter = unit % 8, word = unit / 16, half = unit / 8 % 2;
  const auto words = philox({column / 64 * 8 + counter, row, static_cast<uint32_t>(step),
                             static_cast<uint32_t>(step >> 32) ^ (layer << 16)},
                            {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)});
  return ((words[word] >> (16 * half)) & 0xFFFFu) < keep;
}

// The standard normal number of a column, by Box and Muller (1958). 32 neighbouring columns share
// the counters (2^31 + 8 b + c, row, step, place) for c in [0, 8): column 16 half + 8 pair + c
// takes the cosine (half 0) or the sine of words 2 pair and 2 pair + 1 of counter c, which are
// uniform numbers as T holds them.
template <class T>
double normal(uint64_t key, uint64_t step, uint32_t place, uint32_t row, uint32_t column) {
  const uint32_t unit = column % 32, counter = unit % 8, pair = unit / 8 % 2;
  const auto words =
      philox({0x80000000u + column / 32 * 8 + counter, row, static_cast<uint32_t>(step),
              static_cast<uint32_t>(step >> 32) ^ (place << 16)},
             {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)});
  const auto uniform = [](uint32_t word) {
    return static_cast<double>(static_cast<T>(word) * T(0x1p-32) + T(0x1p-33));
  };
  const double radius = std::sqrt(-2.0 * std::log(uniform(words[2 * pair])));
  const double angle = 6.283185307179586477 * uniform(words[2 * pair + 1]);
  return radius * (unit < 16 ? std::cos(angle) : std::sin(angle));
}

// The state that Matsumoto and Nishimura's init_genrand leaves (their mt19937ar.c, 2002).
inline std::array<uint32_t, 624> mt19937_words(uint32_t seed) {
  std::array<uint32_t, 624> words{};
  words[0] = seed;
  for (uint32_t i = 1; i < words.size(); ++i) {
    words[i] = 1812433253u * (words[i - 1] ^ (words[i - 1] >> 30)) + i;
  }
  return words;
}

// Distance in units of the last place of T at `exact`.
template <class T>
double ulps(T got, long double exact) {
  const long double value = static_cast<long double>(got);
  if (value == exact) return 0.0;
  constexpr int digits = sizeof(T) == 4 ? 24 : 53;
  const long double ulp = std::ldexp(1.0L, std::ilogb(exact) - digits + 1);
  return static_cast<double>(std::abs(value - exact) / ulp);
}

}  // namespace nnhp::testing::reference

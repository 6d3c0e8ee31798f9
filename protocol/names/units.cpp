// Units of CLASS1.MEASUREMENT by type: the default unit, then optional units 1, 2, 3. Spec: class1.measurement.md.
// Where the specification names an optional unit without a number, the numbers follow its order.
#include <array>
#include <cstddef>

#include "protocol/names/measurement.h"

namespace vscp {
namespace {

constexpr std::size_t kUnitsPerType = 5;
using Units = std::array<std::string_view, kUnitsPerType>;

constexpr Units kUnits[] = {
    /* 0 general */ {},
    /* 1 count */ {},
    /* 2 length */ {"m"},
    /* 3 mass */ {"kg"},
    /* 4 time */ {"s", "ms"},
    /* 5 current */ {"A"},
    /* 6 temperature */ {"K", "°C", "°F"},
    /* 7 amount of substance */ {"mol"},
    /* 8 luminous intensity */ {"cd"},
    /* 9 frequency */ {"Hz"},
    /* 10 radioactivity */ {"Bq", "Ci"},
    /* 11 force */ {"N"},
    /* 12 pressure */ {"Pa", "bar", "psi"},
    /* 13 energy */ {"J", "kWh", "Wh", "eV"},
    /* 14 power */ {"W", "hp(M)", "hp(I)"},
    /* 15 charge */ {"C"},
    /* 16 potential */ {"V"},
    /* 17 capacitance */ {"F"},
    /* 18 resistance */ {"Ω"},
    /* 19 conductance */ {"S"},
    /* 20 magnetic field strength */ {"A/m", "Oe"},
    /* 21 magnetic flux */ {"Wb"},
    /* 22 magnetic flux density */ {"T", "G"},
    /* 23 inductance */ {"H"},
    /* 24 luminous flux */ {"lm"},
    /* 25 illuminance */ {"lx"},
    /* 26 radiation dose absorbed */ {"Gy"},
    /* 27 catalytic activity */ {"kat"},
    /* 28 volume */ {"m³", "l", "ml", "dl", "cl"},
    /* 29 sound intensity */ {"W/m²"},
    /* 30 angle */ {"rad", "°", "′", "″"},
    /* 31 position */ {"° longitude", "° latitude"},
    /* 32 speed */ {"m/s", "km/h", "mph"},
    /* 33 acceleration */ {"m/s²"},
    /* 34 tension */ {"N/m"},
    /* 35 humidity */ {"%"},
    /* 36 flow */ {"m³/s", "l/s"},
    /* 37 thermal resistance */ {"K/W"},
    /* 38 optical power */ {"dpt"},
    /* 39 dynamic viscosity */ {"Pa·s", "Pl", "P"},
    /* 40 sound impedance */ {"rayl"},
    /* 41 sound resistance */ {"Pa·s/m³"},
    /* 42 electric elastance */ {"1/F"},
    /* 43 luminous energy */ {"lm·s"},
    /* 44 luminance */ {"cd/m²"},
    /* 45 molar concentration */ {"mol/m³", "ppm", "%"},
    /* 46 mass concentration */ {"kg/m³"},
    /* 47 */ {},
    /* 48 */ {},
    /* 49 dew point */ {"K", "°C", "°F"},
    /* 50 relative level */ {},
    /* 51 altitude */ {"m", "ft", "in"},
    /* 52 area */ {"m²", "a", "ha", "km²"},
    /* 53 radiant intensity */ {"W/sr"},
    /* 54 radiance */ {"W/(sr·m²)"},
    /* 55 irradiance */ {"W/m²"},
    /* 56 spectral radiance */ {"W/(sr·m²·nm)", "W/(sr·m³)", "W/(sr·m²·Hz)"},
    /* 57 spectral irradiance */ {"W/(m²·nm)", "W/m³", "W/(m²·Hz)"},
    /* 58 sound pressure */ {"Pa"},
    /* 59 sound energy density */ {"Pa"},
    /* 60 sound level */ {"dB"},
    /* 61 radiation dose equivalent */ {"Sv", "rem"},
    /* 62 radiation dose exposure */ {"C/kg", "R"},
    /* 63 power factor */ {},
    /* 64 reactive power */ {"var"},
    /* 65 reactive energy */ {"kvarh"},
};

}  // namespace

std::string_view measurement_unit(std::uint16_t type, std::uint8_t unit_code) noexcept {
  if (type >= std::size(kUnits) || unit_code >= kUnitsPerType) return {};
  return kUnits[type][unit_code];
}

}  // namespace vscp
